package phone

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"nyota/gateway/dialog"
	"nyota/menus"
	"nyota/menus/menutest"
)

// recording is a dialogue as a test tells it.
func recording(t *dialog.Trail) menutest.Recording {
	r := menutest.Recording{Language: t.Language, Customer: t.Key.MSISDN, Now: t.Began, Down: t.Down, Busy: t.Busy}
	if t.Seed != nil {
		r.At, r.With = t.Seed.Screen, t.Seed.Vars
	}
	for _, e := range t.Events {
		switch e.Kind {
		case menus.Begin, menus.Redial:
			r.Steps = append(r.Steps, menutest.Pressed{Text: e.Text})
		case menus.Keys:
			r.Steps = append(r.Steps, menutest.Pressed{Text: e.Text, Secret: e.Secret})
		}
		if len(r.Steps) == 0 {
			continue
		}
		step := &r.Steps[len(r.Steps)-1]
		if e.Kind == menus.Answer {
			step.Answers = append(step.Answers, menutest.Answered{Asked: e.Asked, Call: e.Call, Sent: e.Sent, Result: e.Result})
		}
		if e.Shown.ID != "" {
			step.Screen, step.End = e.Shown.ID, e.End
		}
	}
	return r
}

// record makes a test of the last dialogue of a phone; its error is in words for
// people.
func (p *Phone) record(msisdn, name string) ([]byte, error) {
	t, ok := p.opt.Desk.Trail(msisdn)
	switch {
	case !ok || len(t.Events) == 0:
		return nil, told("Dial a code first: a test is made of a dialogue.")
	case t.Cut:
		return nil, told("This dialogue is too long for a test.")
	case t.Events[0].Kind != menus.Begin:
		return nil, told("This dialogue went on with an earlier one; a test begins with a dial of its own. Hang up and dial again.")
	case t.State.Waiting():
		return nil, told("The core is being asked. Try again when its answer is on the screen.")
	}
	r := recording(&t)
	r.Name = name
	data, err := menutest.Record(p.opt.Desk.Menus().Current(), r)
	if err != nil {
		return nil, tell("This dialogue makes no test: %s.", strings.TrimPrefix(err.Error(), menutest.ErrRecording.Error()+": "))
	}
	return data, nil
}

// told is an error that is shown to people as it is.
type told string

func (t told) Error() string { return string(t) }

func tell(format string, args ...any) error { return told(fmt.Sprintf(format, args...)) }

// maxTestName bounds the name of a case, in octets.
const maxTestName = 200

var testFile = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)

// testRequest asks for a test of a phone's last dialogue. With a File it is
// written beside the menus, under that name and .test.yaml.
type testRequest struct {
	MSISDN string `json:"msisdn"`
	Name   string `json:"name"`
	File   string `json:"file"`
}

// makeTest answers with the test, as it is or was written.
func (p *Phone) makeTest(w http.ResponseWriter, r *http.Request) {
	var in testRequest
	if !read(w, r, &in) {
		return
	}
	if len(in.Name) > maxTestName {
		refuse(w, http.StatusBadRequest, "That name is too long.")
		return
	}
	data, err := p.record(in.MSISDN, strings.TrimSpace(in.Name))
	if err != nil {
		refuse(w, http.StatusUnprocessableEntity, err.Error())
		return
	}
	out := map[string]string{"test": string(data)}
	if in.File != "" {
		if out["file"], err = p.writeTest(in.File, data); err != nil {
			refuse(w, http.StatusUnprocessableEntity, err.Error())
			return
		}
	}
	answer(w, http.StatusOK, out)
}

// writeTest writes a new file beside the menus, and no other.
func (p *Phone) writeTest(name string, data []byte) (string, error) {
	if p.opt.MenuDir == "" || !testFile.MatchString(name) {
		return "", told("A file's name has small letters, digits, - and _.")
	}
	name += menutest.Suffix
	f, err := os.OpenFile(filepath.Join(p.opt.MenuDir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	switch {
	case errors.Is(err, fs.ErrExist):
		return "", tell("There is a file %s already: choose another name.", p.file(name))
	case err != nil:
		return "", told("The file could not be written.")
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err != nil {
		return "", told("The file could not be written.")
	}
	return p.file(name), nil
}
