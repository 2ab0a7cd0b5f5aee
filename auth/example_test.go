package auth_test

import (
	"context"
	"fmt"
	"net/http"

	"penstock/auth"
)

func Example() {
	key := auth.NewKey()
	a, err := auth.Open(auth.Options{Keys: []auth.Key{{
		Name: "web", SHA256: auth.Digest(key), Limits: auth.Limits{TokensPerMinute: 1000},
	}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	header := http.Header{"Authorization": {"Bearer " + key}}
	caller, err := a.Identify(context.Background(), header)
	if err != nil {
		fmt.Println(err)
		return
	}
	grant, err := caller.Admit(auth.Request{Prompt: 20, Completion: 300, Generates: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(caller.Name, grant.Meters.Tokens.Remaining)
	grant.Settle(18, 40, false) // of the reserved 320 tokens, 58 were used

	_, err = caller.Admit(auth.Request{Prompt: 20, Completion: 2000, Generates: true})
	fmt.Println(err)
	// Output:
	// key:web 680
	// over the limit of too_large
}
