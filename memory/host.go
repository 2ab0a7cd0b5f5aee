package memory

import (
	"bufio"
	"bytes"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// Available returns how much memory this process may use: the least of what the machine has and of
// the limits of the control groups that it is in. root is the file system, os.DirFS("/"). It is 0
// if nothing is known, as on systems without /proc.
func Available(root fs.FS) int64 {
	least := total(root)
	smaller := func(n int64) {
		if n > 0 && (least == 0 || n < least) {
			least = n
		}
	}
	groups, _ := fs.ReadFile(root, "proc/self/cgroup")
	for line := range strings.Lines(string(groups)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		base, file := "sys/fs/cgroup", "memory.max" // version 2
		if parts[1] != "" {
			if !strings.Contains(","+parts[1]+",", ",memory,") {
				continue
			}
			base, file = "sys/fs/cgroup/memory", "memory.limit_in_bytes" // version 1
		}
		// A container may see its own group as the root, whatever its path is outside.
		for group := path.Clean("/" + parts[2]); ; group = path.Dir(group) {
			smaller(number(root, path.Join(base, group, file)))
			if group == "/" {
				break
			}
		}
	}
	return least
}

// number reads a file that holds one number. Limits that are none are 0: "max", or more than any
// machine has.
func number(root fs.FS, name string) int64 {
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return 0
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil || n >= 1<<60 {
		return 0
	}
	return n
}

// total returns the machine's memory.
func total(root fs.FS) int64 { return field(root, "proc/meminfo", "MemTotal:") }

// Resident returns how much of the machine's memory this process takes now, native memory
// included; 0 if that is not known.
func Resident(root fs.FS) int64 { return field(root, "proc/self/status", "VmRSS:") }

// field reads a line of a file in /proc, whose value is in KiB.
func field(root fs.FS, name, field string) int64 {
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return 0
	}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), field); ok {
			n, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			if err != nil {
				return 0
			}
			return n << 10
		}
	}
	return 0
}
