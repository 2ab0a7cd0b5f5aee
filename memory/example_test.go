package memory_test

import (
	"context"
	"fmt"

	"penstock/memory"
)

func Example() {
	budget := memory.New(1 << 30)
	ctx := memory.With(context.Background(), budget.Account("192.0.2.1"))

	body := memory.From(ctx).Reserve(memory.Body)
	defer body.Close()
	if err := body.Grow(ctx, 100<<10); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(budget.Snapshot().Kinds[memory.Body]>>10, "KiB")
	// Output: 128 KiB
}
