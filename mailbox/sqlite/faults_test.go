package sqlite

import (
	"bytes"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

var faultRuns = flag.Int("faults.runs", 0, "how many runs TestDiskErrors makes (if zero, as many as take some seconds)")

// fault is what strace makes of a system call.
type fault struct {
	call    string
	errno   string
	when    int  // the how manyth of a thread
	forGood bool // and all later ones
	stop    bool // the process stops when it notices
}

// inject returns the fault for the option of strace.
func (f fault) inject() string {
	text := fmt.Sprintf("%s:error=%s:when=%d", f.call, f.errno, f.when)
	if f.forGood {
		text += "+"
	}
	return text
}

func (f fault) String() string {
	if f.stop {
		return f.inject() + " stop"
	}
	return f.inject()
}

// runsOfWorkload is how many runs do the same workload.
const runsOfWorkload = 50

// A disk that fails, once or for good, loses nothing that was acknowledged. What it
// has refused is not there as long as the process works; after that it is there
// wholly or not at all.
func TestDiskErrors(t *testing.T) {
	needStrace(t)
	runs := *faultRuns
	if runs == 0 {
		runs = 50
		if testing.Short() {
			runs = 8
		}
	}
	var hit, refused atomic.Int32
	t.Run("runs", func(t *testing.T) {
		w := workload{Seed: *faultSeed, Sessions: 1, Rounds: 3, Steps: 15}
		if testing.Short() {
			w.Rounds = 2
		}
		var wanted *recording
		for run := range runs {
			if run%runsOfWorkload == 0 {
				w.Seed = *faultSeed + uint64(run/runsOfWorkload)
				w.Dir = t.TempDir()
				wanted = record(t, w)
			}
			w, wanted := w, wanted
			f := chooseFault(rand.New(rand.NewPCG(*faultSeed, uint64(run))), wanted.countCalls())
			t.Run(fmt.Sprintf("%d %v", run, f), func(t *testing.T) {
				t.Parallel()
				changes, injected := runWithFault(t, w, f, wanted.outcomes[0])
				if injected {
					hit.Add(1)
				}
				if changes > 0 {
					refused.Add(1)
				}
			})
		}
	})
	t.Logf("the disk has failed in %d of %d runs, and refused changes in %d; nothing is lost", hit.Load(), runs, refused.Load())
	require.Positive(t, hit.Load())
	if runs >= 50 {
		require.Positive(t, refused.Load())
	}
}

// runWithFault does a workload on a disk that fails, and checks what is left. It
// returns how many changes were refused, and whether the fault has come. wanted are
// the outcomes of the same steps on a good disk.
func runWithFault(t testing.TB, w workload, f fault, wanted []outcome) (refused int, injected bool) {
	t.Helper()
	w.Dir, w.StopAtError = t.TempDir(), f.stop
	runWorkload(t, w, "--seccomp-bpf", "-e", "trace="+f.call, "-e", "signal=none", "-e", "inject="+f.inject())
	trace, err := os.ReadFile(filepath.Join(w.Dir, "strace"))
	require.NoError(t, err)
	var promises []promise
	if outcomes := readOutcomes(t, w); len(outcomes) > 0 {
		refused = requireRefused(t, outcomes[0])
		promises = append(promises, afterFault(f, outcomes[0], wanted))
	}
	require.NoError(t, recoverStore(w.store(), promises))
	return refused, bytes.Contains(trace, []byte("(INJECTED)"))
}

// requireRefused checks that what was refused has changed nothing, and counts it.
func requireRefused(t testing.TB, outcomes []outcome) (n int) {
	t.Helper()
	before := ""
	for _, o := range outcomes {
		if o.Err != "" {
			n++
			require.Equal(t, before, o.Picture, "step %d, %s: %s", o.Step, o.What, o.Err)
		}
		before = o.Picture
	}
	return n
}

// afterFault returns what the account must hold after all steps.
func afterFault(f fault, outcomes, wanted []outcome) promise {
	last := outcomes[len(outcomes)-1]
	p := promise{session: 0, pictures: []string{last.Picture}}
	if last.Err != "" && f.stop {
		// The step may be there nevertheless, as on a good disk.
		p.similar = wanted[last.Step].Picture
	}
	return p
}

// countCalls returns how many calls of each kind a thread makes at most.
func (rec *recording) countCalls() map[string]int {
	perThread := map[[2]string]int{}
	most := map[string]int{}
	for _, c := range rec.calls {
		name := map[callKind]string{callWrite: "pwrite64", callSync: "fsync", callTruncate: "ftruncate", callUnlink: "unlink"}[c.kind]
		if name == "" {
			continue
		}
		key := [2]string{c.thread, name}
		perThread[key]++
		most[name] = max(most[name], perThread[key])
	}
	return most
}

// chooseFault chooses one call in a way that the rare ones, when the store is opened
// or closed, have their turn too.
func chooseFault(rng *rand.Rand, calls map[string]int) fault {
	f := fault{
		call:    []string{"pwrite64", "pwrite64", "fsync", "fsync", "fsync", "ftruncate", "unlink"}[rng.IntN(7)],
		errno:   []string{"EIO", "ENOSPC"}[rng.IntN(2)],
		stop:    rng.IntN(2) == 0,
		forGood: rng.IntN(3) == 0,
	}
	n := float64(calls[f.call])
	if rng.IntN(2) == 0 {
		f.when = 1 + rng.IntN(max(1, int(n)))
	} else {
		f.when = int(math.Exp(rng.Float64() * math.Log(n+1)))
	}
	// If commits fail for good, the outcome of the last can't be known unless the
	// process stops at the first.
	if f.forGood && f.call != "pwrite64" {
		f.stop = true
	}
	return f
}
