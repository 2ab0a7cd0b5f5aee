package hub_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"penstock/hub"
)

// Example downloads what Penstock needs to run a CLIP.
func Example() {
	ctx := context.Background()
	client, err := hub.New(hub.Options{Endpoint: os.Getenv("HF_ENDPOINT"), Token: os.Getenv("HF_TOKEN")})
	if err != nil {
		log.Fatal(err)
	}
	snapshot, err := client.Snapshot(ctx, "Xenova/clip-vit-base-patch32", "main")
	if err != nil {
		log.Fatal(err)
	}
	files, err := snapshot.Choose(nil)
	if err != nil {
		log.Fatal(err)
	}
	if err := client.Fetch(ctx, snapshot, files, "models/clip"); err != nil {
		log.Fatal(err)
	}
	fmt.Println("commit", snapshot.Commit)
}
