package strictjson

import (
	"encoding/json"
	"errors"
	"runtime"
	"strings"
	"testing"
)

// allocated returns how many bytes f allocates in all, and how many of them are kept.
func allocated(f func()) (all, kept int64) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	f()
	runtime.GC()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc), int64(after.HeapAlloc) - int64(before.HeapAlloc)
}

// Short values that become large ones are refused before they are decoded, and no data costs more
// than four times its size.
func TestNoDataCostsMoreThanFourTimesItsSize(t *testing.T) {
	const size = 8 << 20
	fill := func(before, each, after string) string {
		return before + strings.TrimSuffix(strings.Repeat(each, size/len(each)), ",") + after
	}
	for name, c := range map[string]struct {
		data    string
		refused bool
	}{
		"empty objects":    {fill(`{"content": [`, `{},`, `]}`), true},
		"empty strings":    {fill(`{"list": [`, `"",`, `]}`), true},
		"nulls":            {fill(`{"list": [`, `null,`, `]}`), true},
		"lists in lists":   {fill(`{"list": [`, `[],`, `]}`), true},
		"deep lists":       {fill(`{"list": `, `[`, ``), true},
		"deep objects":     {fill(``, `{"raw":`, ``), true},
		"members":          {fill(`{"bias": {`, `"1":2,`, `}}`), true},
		"members of raw":   {fill(`{"raw": {`, `"1":2,`, `}}`), true},
		"one-digit tokens": {fill(`{"ids": [`, `0,`, `]}`), true},
		"tokens":           {fill(`{"ids": [`, `12345,`, `]}`), false},
		"a long text":      {fill(`{"name": "`, `a`, `"}`), false},
		"escapes":          {fill(`{"name": "`, `\u0041`, `"}`), false},
		"long elements":    {fill(`{"content": [`, `{"type": "`+strings.Repeat("a", 128)+`"},`, `]}`), false},
	} {
		t.Run(name, func(t *testing.T) {
			var m struct {
				message

				IDs []int `json:"ids"`
			}
			data, err := []byte(c.data), error(nil)
			all, kept := allocated(func() { err = Decode(data, &m) })
			if e, ok := errors.AsType[*Error](err); c.refused != (ok && e.Kind == TooMany) || !c.refused && err != nil {
				t.Errorf("error %.200v", err)
			}
			// A list that grows is copied a few times: the copies are garbage.
			most := int64(8 * len(data))
			if c.refused {
				most = 64 << 10
			}
			if all > most || kept > int64(3*len(data)) {
				t.Errorf("%d bytes cost %d, of which %d are kept", len(data), all, kept)
			}
			runtime.KeepAlive(&m)
			runtime.KeepAlive(data)
		})
	}
}

func TestCountTakesWhatRequestsHold(t *testing.T) {
	texts := make([]string, 2000)
	body, err := json.Marshal(texts)
	if err != nil {
		t.Fatal(err)
	}
	for _, data := range []string{string(body), "[" + strings.Repeat("1,", 60000) + "1]", `{"a": [1], "b": {}}`, `"[,"`, `]`, ``, `"`, `"\`} {
		if err := Count([]byte(data), false); err != nil {
			t.Errorf("%.20s: %v", data, err)
		}
	}
	if err := Count([]byte("["+strings.Repeat("1,", 1<<20)+"1]"), true); err != nil {
		t.Error(err)
	}
}
