package textproto

import (
	"bytes"
	"io/fs"
	"os"
	"path"
	"strconv"
)

// systemMemory returns how much memory the process may have, as far as the system
// says; zero if it is unknown.
func systemMemory() int64 { return memoryOf(os.DirFS("/")) }

// memoryOf returns the memory of the machine, or of the control group of the process or
// one around it, if that is less.
func memoryOf(root fs.FS) (least int64) {
	atMost := func(n int64) {
		if n > 0 && (least == 0 || n < least) {
			least = n
		}
	}
	info, _ := fs.ReadFile(root, "proc/meminfo")
	if _, total, ok := bytes.Cut(info, []byte("MemTotal:")); ok {
		if f := bytes.Fields(total[:min(len(total), 64)]); len(f) > 0 {
			atMost(number(f[0]) << 10)
		}
	}
	groups, _ := fs.ReadFile(root, "proc/self/cgroup")
	for line := range bytes.Lines(groups) {
		f := bytes.SplitN(bytes.TrimSpace(line), []byte(":"), 3) // number:controllers:path
		if len(f) != 3 {
			continue
		}
		dir, file := "sys/fs/cgroup", "memory.max"
		switch string(f[1]) {
		case "": // version 2
		case "memory":
			dir, file = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		default:
			continue
		}
		// Inside a container the path may be one that only its host can see.
		for p := path.Join("/", string(f[2])); ; p = path.Dir(p) {
			b, _ := fs.ReadFile(root, path.Join(dir, p, file))
			atMost(number(bytes.TrimSpace(b)))
			if p == "/" {
				break
			}
		}
	}
	return least
}

// number returns a number, zero for a text that is none.
func number(b []byte) int64 {
	n, err := strconv.ParseInt(string(b), 10, 64)
	if err != nil {
		return 0
	}
	return n
}
