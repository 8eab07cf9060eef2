package textproto

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

// The memory of the machine, or of the narrowest control group around the process.
func TestMemoryOf(t *testing.T) {
	const meminfo = "MemTotal:        4194304 kB\nMemFree:          100000 kB\n"
	for name, tc := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"nothing":    {nil, 0},
		"no group":   {map[string]string{"proc/meminfo": meminfo}, 4 << 30},
		"no limit":   {map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "max\n"}, 4 << 30},
		"a larger":   {map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "8589934592\n"}, 4 << 30},
		"container":  {map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "536870912\n"}, 512 << 20},
		"unseen":     {map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "0::/docker/123\n", "sys/fs/cgroup/memory.max": "536870912\n"}, 512 << 20},
		"service":    {map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "0::/system.slice/mail.service\n", "sys/fs/cgroup/system.slice/mail.service/memory.max": "268435456\n", "sys/fs/cgroup/system.slice/memory.max": "max\n"}, 256 << 20},
		"slice":      {map[string]string{"proc/self/cgroup": "0::/system.slice/mail.service\n", "sys/fs/cgroup/system.slice/mail.service/memory.max": "max\n", "sys/fs/cgroup/system.slice/memory.max": "1073741824\n"}, 1 << 30},
		"version 1":  {map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "3:cpu,cpuacct:/a\n2:memory:/docker/1\n", "sys/fs/cgroup/memory/docker/1/memory.limit_in_bytes": "536870912\n"}, 512 << 20},
		"v1, no end": {map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "2:memory:/\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}, 4 << 30},
	} {
		t.Run(name, func(t *testing.T) {
			root := fstest.MapFS{}
			for file, text := range tc.files {
				root[file] = &fstest.MapFile{Data: []byte(text)}
			}
			require.Equal(t, tc.want, memoryOf(root))
		})
	}
	require.GreaterOrEqual(t, defaultMemory(), int64(minMemory))
}
