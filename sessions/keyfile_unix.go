//go:build unix

package sessions

import (
	"io/fs"
	"os"
	"syscall"
)

// lentByRoot says whether a file is root's, and we are not root.
func lentByRoot(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && st.Uid == 0 && os.Geteuid() != 0
}
