package peers

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

// Python returns the path of Debian's Python, which has the modules that Debian
// packages.
func Python(t testing.TB, module, debianPackage string) string {
	t.Helper()
	python := Need(t, "python3", "python3")
	if out, err := Run("", nil, python, "-c", "import "+module); err != nil {
		t.Log(out)
		Missing(t, "the Python module "+module+" (Debian package "+debianPackage+")")
	}
	return python
}

// Node returns the path of Node.js and the environment in which it finds a
// package.
func Node(t testing.TB, npmPackage string) (node string, env []string) {
	t.Helper()
	node = Need(t, "node", "nodejs")
	modules := filepath.Join(folder(), "npm/node_modules")
	if _, err := os.Stat(filepath.Join(modules, npmPackage)); err != nil {
		Missing(t, "the Node.js package "+npmPackage)
	}
	return node, []string{"NODE_PATH=" + modules}
}

// Script starts a server that a script implements. Its last arguments are its
// folder, where it keeps messages as files in new, and its port.
func Script(t testing.TB, env []string, program string, args ...string) *Daemon {
	t.Helper()
	d := &Daemon{Dir: Dir(t, ""), Ports: map[string]int{"smtp": Port(t)}}
	cmd := exec.Command(program, append(args, d.Dir, strconv.Itoa(d.Ports["smtp"]))...)
	cmd.Env = append(os.Environ(), env...)
	d.run(t, cmd)
	return d
}
