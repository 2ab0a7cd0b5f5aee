package logging_test

import (
	"context"
	"fmt"
	"os"
	"time"

	"penstock/logging"
)

func Example() {
	log := logging.New(os.Stderr, logging.Options{Format: logging.JSON})
	log.Logger().Info("ready", "models", 2)

	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	fmt.Println(log.Close(ctx), log.Dropped())
	// Output: <nil> 0
}
