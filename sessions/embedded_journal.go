package sessions

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// The journal has the sessions: a record for each change, in files that are
// written from their start to their end and never changed. A record is
//
//	0..3   length of what follows the checksum, big endian
//	4..7   CRC-32 (Castagnoli) of that
//	8      what: journalPut or journalDelete
//	9..16  its number: of two records of a session the higher counts
//	17..   the session's stored form, or its name (embedded_table.go)
//
// Each file begins with journalMagic. When the newest file has grown, all living
// sessions are written into a next one and the older ones are removed.
const (
	journalMagic  = "nyota-j1"
	journalPut    = 'p'
	journalDelete = 'd'
	journalHead   = 8
	journalFixed  = 9 // of what the checksum covers
	journalSuffix = ".steps"

	// journalGrown is how much a file holds before the next one is begun, unless
	// the living sessions need more: reading it takes a start a tenth of a second.
	journalGrown = 64 << 20
	// journalFull is how much waits to be written before whoever adds to it writes.
	journalFull = 1 << 20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// journal is the file that is written, and those before it.
type journal struct {
	fs     vfs.FS
	dir    string
	broken func(error) // a write failed, and nobody knows what the file holds

	mu    sync.Mutex
	lsn   uint64 // of the newest record
	buf   []byte // not yet written
	added uint64 // octets, buf's included
	spare []byte

	// write guards the file. It is taken before mu.
	write   sync.Mutex
	file    vfs.File
	number  uint64
	written uint64 // octets; of added
	size    uint64 // of the file
}

// next returns the number of a record that is added later.
func (j *journal) next() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lsn++
	return j.lsn
}

// add appends a record. With number 0 it gets the next one, which is returned
// together with the octets to be written for it to be out of the process, and
// whether so much waits that the caller must write before it adds more.
func (j *journal) add(what byte, number uint64, data []byte) (lsn, end uint64, full bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if number == 0 {
		j.lsn++
		number = j.lsn
	}
	at := len(j.buf)
	j.buf = append(j.buf, make([]byte, journalHead)...)
	j.buf = append(j.buf, what)
	j.buf = binary.BigEndian.AppendUint64(j.buf, number)
	j.buf = append(j.buf, data...)
	rec := j.buf[at:]
	binary.BigEndian.PutUint32(rec, uint32(len(rec)-journalHead))
	binary.BigEndian.PutUint32(rec[4:], crc32.Checksum(rec[journalHead:], castagnoli))
	j.added += uint64(len(rec))
	return number, j.added, len(j.buf) >= journalFull
}

// flush writes what was added, up to end at the least: whoever comes while
// another one writes finds that done for it, or does it for those behind it.
func (j *journal) flush(end uint64) {
	j.write.Lock()
	defer j.write.Unlock()
	if j.written < end {
		j.flushLocked()
	}
}

func (j *journal) flushLocked() {
	j.mu.Lock()
	buf := j.buf
	j.buf, j.spare = j.spare[:0], nil
	j.mu.Unlock()
	if len(buf) > 0 {
		if _, err := j.file.Write(buf); err != nil {
			j.broken(err)
			return
		}
		j.written += uint64(len(buf))
		j.size += uint64(len(buf))
	}
	if cap(buf) <= 2*journalFull {
		j.mu.Lock()
		j.spare = buf[:0]
		j.mu.Unlock()
	}
}

// all returns the octets added so far, for flush.
func (j *journal) all() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.added
}

// grown is the size of the newest file.
func (j *journal) grown() uint64 {
	j.write.Lock()
	defer j.write.Unlock()
	return j.size
}

func (j *journal) path(number uint64) string {
	return j.fs.PathJoin(j.dir, fmt.Sprintf("%016d%s", number, journalSuffix))
}

// turn begins the next file. What was added before is in the one before it, and
// the number of the newest record then is returned.
func (j *journal) turn() (lsn uint64, err error) {
	j.write.Lock()
	defer j.write.Unlock()
	f, err := j.fs.Create(j.path(j.number+1), vfs.WriteCategoryUnspecified)
	if err != nil {
		return 0, err
	}
	if _, err := f.Write([]byte(journalMagic)); err != nil {
		return 0, errors.Join(err, f.Close())
	}
	if err := j.syncDir(); err != nil {
		return 0, errors.Join(err, f.Close())
	}
	if j.file != nil {
		j.flushLocked()
		if err := j.file.Close(); err != nil {
			j.broken(err)
		}
	}
	j.file, j.number, j.size = f, j.number+1, uint64(len(journalMagic))
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.lsn, nil
}

// sync writes all that was added and waits until it is on the disk.
func (j *journal) sync() error {
	j.write.Lock()
	j.flushLocked()
	f := j.file
	j.write.Unlock()
	return f.Sync() // only turn closes it, and whoever calls this calls that too
}

// makeDir makes the journal's folder, and that on the disk.
func (j *journal) makeDir() error {
	if err := j.fs.MkdirAll(j.dir, 0o700); err != nil {
		return err
	}
	return j.syncFolder(j.fs.PathDir(j.dir))
}

func (j *journal) syncDir() error { return j.syncFolder(j.dir) }

func (j *journal) syncFolder(dir string) error {
	d, err := j.fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// files are the numbers of the journal's files, in order.
func (j *journal) files() ([]uint64, error) {
	names, err := j.fs.List(j.dir)
	if err != nil {
		return nil, err
	}
	var numbers []uint64
	for _, name := range names {
		digits, ok := strings.CutSuffix(path.Base(name), journalSuffix)
		if n, err := strconv.ParseUint(digits, 10, 64); ok && err == nil {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

// forget removes the files before the newest.
func (j *journal) forget() error {
	numbers, err := j.files()
	if err != nil {
		return err
	}
	for _, n := range numbers {
		if n < j.number {
			if err := j.fs.Remove(j.path(n)); err != nil {
				return err
			}
		}
	}
	return j.syncDir()
}

// read hands on the records of all files, in their order, and remembers the
// highest numbers. Where a file cannot be read any further (the process or the
// power went in the middle of a record) torn is called with what is left of it,
// and the next file follows: each record is whole in itself.
func (j *journal) read(each func(what byte, lsn uint64, data []byte), torn func(file string, octets int)) error {
	numbers, err := j.files()
	if err != nil {
		return err
	}
	for _, n := range numbers {
		j.number = n
		b, err := j.readFile(n)
		if err != nil {
			return err
		}
		rest, whole := bytesAfter(b, journalMagic)
		for whole && len(rest) > 0 {
			var rec []byte
			if rec, rest, whole = journalRecord(rest); !whole {
				break
			}
			lsn := binary.BigEndian.Uint64(rec[1:])
			j.lsn = max(j.lsn, lsn)
			each(rec[0], lsn, rec[journalFixed:])
		}
		if !whole {
			torn(j.path(n), len(rest))
		}
	}
	return nil
}

func (j *journal) readFile(number uint64) ([]byte, error) {
	f, err := j.fs.Open(j.path(number))
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	b := make([]byte, info.Size())
	_, err = io.ReadFull(f, b)
	return b, errors.Join(err, f.Close())
}

func bytesAfter(b []byte, head string) ([]byte, bool) {
	if len(b) < len(head) || string(b[:len(head)]) != head {
		return b, false
	}
	return b[len(head):], true
}

// journalRecord takes the first record off b, if it is whole.
func journalRecord(b []byte) (rec, rest []byte, whole bool) {
	if len(b) < journalHead {
		return nil, b, false
	}
	n := uint64(binary.BigEndian.Uint32(b))
	if n < journalFixed || n > uint64(len(b)-journalHead) {
		return nil, b, false
	}
	rec = b[journalHead : journalHead+n]
	if crc32.Checksum(rec, castagnoli) != binary.BigEndian.Uint32(b[4:]) {
		return nil, b, false
	}
	return rec, b[journalHead+n:], true
}

func (j *journal) close() error {
	j.write.Lock()
	defer j.write.Unlock()
	if j.file == nil {
		return nil
	}
	j.flushLocked()
	return errors.Join(j.file.Sync(), j.file.Close())
}
