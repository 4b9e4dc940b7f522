package menutest

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"nyota/menus"
)

// ErrRecording is wrapped by the errors of Record.
var ErrRecording = errors.New("menutest: this dialogue makes no test")

// Recording is a dialogue as somebody had it with a gateway.
type Recording struct {
	Name     string // of the case; made from what was pressed if empty
	Language string // in which it began
	Customer string // MSISDN, E.164 digits
	Now      time.Time
	Down     map[string]menus.Unavailable // calls that could not be made
	Busy     map[string]bool              // calls that were marked as very busy
	At       string                       // the screen that it began on, "" for the menu's first
	With     []menus.Value                // and the variables given there
	Steps    []Pressed
}

// Pressed is one step: the first is a dialled code, the others are answers.
type Pressed struct {
	Text    string
	Secret  int // 1 or 2: a secret was typed, the first or the second different one; of more, Record makes no test
	Answers []Answered
	Screen  string // the id of what was then shown
	End     bool
}

// Answered is what the core said to a call.
type Answered struct {
	Asked  string // the screen that made the call
	Call   string
	Sent   bool // an action was born from it
	Result menus.Result
}

// Record writes a test file with a case for each dialogue: the core answers what
// it answered then, secrets are the words that stand for them, and what is
// expected are the exact texts and SMS of the catalog. The file passes. What
// cannot be told as a test, or would lead elsewhere than it did, is refused with an
// error that wraps ErrRecording.
func Record(catalog *menus.Catalog, all ...Recording) ([]byte, error) {
	bare := &writer{}
	for i := range all {
		if err := all[i].check(); err != nil {
			return nil, err
		}
		bare.testCase(&all[i], nil)
	}
	const name = "recorded" + Suffix
	f, problems := readFile(name, bare.file(), catalog)
	if len(problems) > 0 {
		return nil, fmt.Errorf("%w: %s", ErrRecording, problems[0].Message)
	}
	full := &writer{}
	for i, c := range f.cases {
		seen, err := replay(catalog, c, &all[i])
		if err != nil {
			return nil, err
		}
		full.testCase(&all[i], seen)
	}
	data := full.file()
	if f, problems = readFile(name, data, catalog); len(problems) > 0 {
		return nil, fmt.Errorf("%w: %s", ErrRecording, problems[0].Message)
	}
	s := &Suite{catalog: catalog, files: []*testFile{f}}
	for _, r := range s.Run(nil).Results {
		if len(r.Failures) > 0 {
			return nil, fmt.Errorf("%w: %s: %s", ErrRecording, r.Name, r.Failures[0].Message)
		}
	}
	return data, nil
}

func (r *Recording) check() error {
	if len(r.Steps) == 0 {
		return fmt.Errorf("%w: nothing was dialled", ErrRecording)
	}
	for _, s := range r.Steps {
		if s.Secret > 2 {
			return fmt.Errorf("%w: a test has words for two different secrets, and this dialogue has more", ErrRecording)
		}
		for _, a := range s.Answers {
			if a.Call == "" || a.Asked == "" {
				return fmt.Errorf("%w: the core was asked something before the gateway's restart", ErrRecording)
			}
		}
	}
	return nil
}

// seen is what a case shows when it is played.
type seen struct {
	screens []menus.Screen
	ends    []bool
	sms     map[menus.Role][]string
}

// replay plays a case, and compares its way with the recorded one.
func replay(catalog *menus.Catalog, c *testCase, r *Recording) (*seen, error) {
	p := player{catalog: catalog, c: c, lang: c.languages[0], cover: newCoverage(catalog), given: map[*script]int{}, sms: map[menus.Role][]string{}}
	out := &seen{sms: p.sms}
	for i := range c.steps {
		p.at = &c.steps[i]
		for _, k := range p.at.keys {
			if !p.press(k) {
				return nil, fmt.Errorf("%w: %s", ErrRecording, p.failures[0].Message)
			}
		}
		s := p.turn.Screen
		if was := r.Steps[i]; s.ID != was.Screen || p.turn.End != was.End {
			return nil, fmt.Errorf("%w: step %d came to the screen %s and leads to %s in the menus as they are now", ErrRecording, i+1, was.Screen, s.ID)
		}
		out.screens, out.ends = append(out.screens, s), append(out.ends, p.turn.End)
	}
	return out, nil
}

// Title is a name for a case that has none: what was dialled and pressed.
func (r *Recording) Title() string {
	if r.Name != "" {
		return r.Name
	}
	var b strings.Builder
	for i, s := range r.Steps {
		switch {
		case i == 0 && r.At != "":
			fmt.Fprintf(&b, "from the screen %s", r.At)
		case i == 0:
			b.WriteString("dial " + s.Text)
		default:
			b.WriteString([]string{", press ", ", "}[min(i-1, 1)])
			b.WriteString(s.word())
		}
	}
	return b.String()
}

// word is what stands for an answer in a name.
func (s *Pressed) word() string {
	switch {
	case s.Secret > len(secretWords): // has no word: Record refuses it
		return "another secret"
	case s.Secret > 0:
		return secretWords[s.Secret-1]
	case s.Text == "":
		return "nothing"
	}
	return s.Text
}

var secretWords = [...]string{"secret", "secret2"}

// writer writes a test file.
type writer struct {
	b     strings.Builder
	names map[string]int
}

func (w *writer) file() []byte {
	return []byte("# Recorded with the phone.\ncases:\n" + w.b.String())
}

func (w *writer) line(indent int, format string, args ...any) {
	fmt.Fprintf(&w.b, strings.Repeat(" ", indent)+format+"\n", args...)
}

// text writes a text behind its key: as a block where it has several lines.
func (w *writer) text(indent int, key, s string) {
	lines := strings.Split(s, "\n")
	plain := len(lines) > 1 && lines[0] != "" && lines[0][0] != ' ' && lines[len(lines)-1] != ""
	for _, l := range lines {
		plain = plain && strings.TrimRight(l, " \t\r") == l && !strings.ContainsFunc(l, func(r rune) bool { return r < ' ' || r == 0xfeff || r == 0x85 || r == 0x2028 || r == 0x2029 })
	}
	if !plain {
		w.line(indent, "%s: %s", key, quote(s))
		return
	}
	w.line(indent, "%s: |-", key)
	within := indent + 2
	if strings.HasPrefix(key, "- ") {
		within += 2
	}
	for _, l := range lines {
		if l == "" {
			w.b.WriteByte('\n')
			continue
		}
		w.line(within, "%s", l)
	}
}

// quote is a text in YAML's double quotes, in which letters of every script may
// stand as they are.
func quote(s string) string { return strconv.Quote(s) }

func (w *writer) testCase(r *Recording, s *seen) {
	name := r.Title()
	if w.names == nil {
		w.names = map[string]int{}
	}
	if w.names[name]++; w.names[name] > 1 {
		name = fmt.Sprintf("%s (%d)", name, w.names[name])
	}
	w.line(2, "- name: %s", quote(name))
	if r.Language != "" {
		w.line(4, "language: %s", r.Language)
	}
	w.line(4, "customer: %s", quote(r.Customer))
	w.line(4, "now: %s", quote(r.Now.Format(time.RFC3339)))
	w.down(r.Down)
	if len(r.Busy) > 0 {
		w.line(4, "busy: [%s]", strings.Join(sortedKeys(r.Busy), ", "))
	}
	w.core(r)
	w.line(4, "steps:")
	for i := range r.Steps {
		w.step(r, i, s)
	}
	if s != nil {
		w.sms(s.sms)
	}
}

func (w *writer) down(down map[string]menus.Unavailable) {
	if len(down) == 0 {
		return
	}
	w.line(4, "down:")
	for _, call := range sortedKeys(down) {
		if until := down[call].Until; !until.IsZero() {
			w.line(6, "%s: %s", call, quote(until.Format(time.RFC3339)))
		} else {
			w.line(6, "%s: null", call)
		}
	}
}

func (w *writer) step(r *Recording, i int, s *seen) {
	p := &r.Steps[i]
	switch {
	case i == 0:
		w.line(6, "- dial: %s", quote(p.Text))
		if r.At != "" {
			w.line(8, "at: %s", r.At)
		}
		if len(r.With) > 0 {
			w.line(8, "with:")
			for _, v := range r.With {
				w.line(10, "%s: %s", v.Name, quote(v.Text))
			}
		}
	case p.Secret > 0:
		w.line(6, "- press: %s", secretWords[p.Secret-1])
	default:
		w.line(6, "- press: %s", quote(p.Text))
	}
	if s == nil {
		return
	}
	w.line(8, "expect:")
	// A screen of the system has an id that no menu has.
	if id := s.screens[i].ID; id != menus.ScreenResume && id != menus.ScreenMaintenance {
		w.line(10, "screen: %s", id)
	}
	w.text(10, "text", s.screens[i].Text)
	if s.ends[i] {
		w.line(10, "ends: true")
	}
}

func (w *writer) sms(sms map[menus.Role][]string) {
	if len(sms) == 0 {
		return
	}
	w.line(4, "sms:")
	for _, role := range sortedKeys(sms) {
		texts := sms[role]
		if len(texts) == 1 {
			w.text(6, string(role), texts[0])
			continue
		}
		w.line(6, "%s:", role)
		for _, t := range texts {
			w.line(8, "- %s", quote(t))
		}
	}
}

// core writes the answers by the screens that asked, in the order of the dialogue.
func (w *writer) core(r *Recording) {
	var asked []string
	said := map[string][]Answered{}
	for _, s := range r.Steps {
		for _, a := range s.Answers {
			if said[a.Asked] == nil {
				asked = append(asked, a.Asked)
			}
			said[a.Asked] = append(said[a.Asked], a)
		}
	}
	if len(asked) == 0 {
		return
	}
	w.line(4, "core:")
	for _, screen := range asked {
		answers := said[screen]
		if len(answers) == 1 {
			w.line(6, "%s: %s", screen, answers[0].yaml())
			continue
		}
		w.line(6, "%s:", screen)
		for i := range answers {
			w.line(8, "- %s", answers[i].yaml())
		}
	}
}

// yaml is an answer as tests write it.
func (a *Answered) yaml() string {
	r := &a.Result
	switch r.Outcome {
	case menus.Rejected:
		reason := r.Reason
		if !slices.Contains(menus.Reasons(), reason) {
			reason = "other"
		}
		return "{rejected: " + reason + "}"
	case menus.Pending:
		return "unknown"
	case menus.Down:
		switch {
		case a.Sent:
			return "expired"
		case !r.Until.IsZero():
			return "{unavailable: " + quote(r.Until.Format(time.RFC3339)) + "}"
		}
		return "unavailable"
	}
	var fields []string
	add := func(name, text string) { fields = append(fields, name+": "+text) }
	if r.Ref != "" {
		add("ref", quote(r.Ref))
	}
	for _, c := range menus.Calls() {
		if c.Name != a.Call {
			continue
		}
		for _, v := range r.Fields {
			if slices.Contains(c.Results, v.Name) && v.Text != "" {
				add(v.Name, quote(v.Text))
			}
		}
	}
	if len(r.Rows) > 0 {
		rows := make([]string, len(r.Rows))
		for i, row := range r.Rows {
			var cells []string
			for _, v := range row {
				if slices.Contains(menus.RowFields(), v.Name) && v.Text != "" {
					cells = append(cells, v.Name+": "+quote(v.Text))
				}
			}
			rows[i] = "{" + strings.Join(cells, ", ") + "}"
		}
		add("rows", "["+strings.Join(rows, ", ")+"]")
	}
	if len(fields) == 0 {
		return "done"
	}
	return "{done: {" + strings.Join(fields, ", ") + "}}"
}

func sortedKeys[K ~string, V any](m map[K]V) []K {
	all := make([]K, 0, len(m))
	for k := range m {
		all = append(all, k)
	}
	slices.Sort(all)
	return all
}
