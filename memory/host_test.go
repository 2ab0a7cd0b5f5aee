package memory

import (
	"testing"
	"testing/fstest"
)

func TestTheLeastLimitCounts(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	meminfo := file("MemTotal:        8388608 kB\nMemFree:         1 kB\n")
	for name, c := range map[string]struct {
		files fstest.MapFS
		want  int64
	}{
		"nothing is known": {fstest.MapFS{}, 0},
		"a machine":        {fstest.MapFS{"proc/meminfo": meminfo}, 8 << 30},
		"version 2": {fstest.MapFS{
			"proc/meminfo": meminfo, "proc/self/cgroup": file("0::/a/b\n"),
			"sys/fs/cgroup/a/b/memory.max": file("2147483648\n"),
		}, 2 << 30},
		"a parent": {fstest.MapFS{
			"proc/meminfo": meminfo, "proc/self/cgroup": file("0::/a/b\n"),
			"sys/fs/cgroup/a/b/memory.max": file("max\n"), "sys/fs/cgroup/a/memory.max": file("1073741824\n"),
		}, 1 << 30},
		"its own group as the root": {fstest.MapFS{
			"proc/meminfo": meminfo, "proc/self/cgroup": file("0::/docker/x\n"), "sys/fs/cgroup/memory.max": file("1073741824"),
		}, 1 << 30},
		"version 1": {fstest.MapFS{
			"proc/meminfo": meminfo, "proc/self/cgroup": file("9:cpu,memory:/x\n8:cpuset:/\n"),
			"sys/fs/cgroup/memory/memory.limit_in_bytes":   file("9223372036854771712\n"),
			"sys/fs/cgroup/memory/x/memory.limit_in_bytes": file("1073741824\n"),
		}, 1 << 30},
		"more than there is": {fstest.MapFS{
			"proc/meminfo": meminfo, "proc/self/cgroup": file("0::/\n"), "sys/fs/cgroup/memory.max": file("99999999999999"),
		}, 8 << 30},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Available(c.files); got != c.want {
				t.Errorf("%d, not %d", got, c.want)
			}
		})
	}
	if got := Resident(fstest.MapFS{"proc/self/status": file("Name:\tx\nVmRSS:\t   1024 kB\n")}); got != 1<<20 {
		t.Errorf("resident: %d", got)
	}
}
