// The daemon under go test: go test daemon_test.go (RECLAIMFS: the command)
package daemon

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

func setting(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

func run(t *testing.T, name string, arguments ...string) {
	t.Helper()
	if output, err := exec.Command(name, arguments...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, output)
	}
}

// mount gives a test a fresh machine with a manual clock, and takes it away at the end.
func mount(t *testing.T) string {
	t.Helper()
	reclaimfs := strings.Fields(setting("RECLAIMFS", "reclaimfs"))
	path := t.TempDir()
	run(t, reclaimfs[0], append(reclaimfs[1:], "mount", path, "--clock", "manual")...)
	t.Cleanup(func() { run(t, reclaimfs[0], append(reclaimfs[1:], "umount", path)...) })
	return path
}

func kB(t *testing.T, proc string, pid int, key string) int {
	t.Helper()
	status, err := os.ReadFile(filepath.Join(proc, strconv.Itoa(pid), "status"))
	if err != nil {
		t.Fatal(err)
	}
	match := regexp.MustCompile(fmt.Sprintf(`(?m)^%s:\s+(\d+) kB$`, key)).FindSubmatch(status)
	if match == nil {
		t.Fatalf("there is no %s in\n%s", key, status)
	}
	value, _ := strconv.Atoi(string(match[1]))
	return value
}

func TestAsksTheLargestInTheBackground(t *testing.T) {
	proc := mount(t)
	run(t, "sh", setting("DAEMON", "../reclaim-daemon.sh"), proc, "1048576")
	if left := kB(t, proc, 1234, "RssAnon"); left != 0 {
		t.Errorf("%d kB of the game are left in memory", left)
	}
	if swapped := kB(t, proc, 1201, "VmSwap"); swapped != 0 {
		t.Errorf("%d kB of the launcher, in front, are swapped", swapped)
	}
	if check, _ := os.ReadFile(filepath.Join(proc, "reclaimfs/check")); string(check) != "ok\n" {
		t.Errorf("the memory is not consistent: %s", check)
	}
}
