package load

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"nyota/smpp/text"
)

// repeatWindow is how long a gateway takes the same text again for the same key
// press, delivered twice: a script that presses faster must not repeat itself.
const repeatWindow = time.Second

// What stands in a press or a text for what is not the same each time.
const (
	peerName  = "{peer}"  // the number of the next handset
	countName = "{count}" // a number from 100 on, another one in each of a handset's dialogues
)

// named says whether a text has one of them.
func named(text string) bool {
	return strings.Contains(text, peerName) || strings.Contains(text, countName)
}

// filled is a text with what stands for h and its dialogue.
func (h *handset) filled(text string) string {
	text = strings.ReplaceAll(text, peerName, h.peer())
	return strings.ReplaceAll(text, countName, strconv.FormatUint(uint64(h.o.base+h.count), 10))
}

// countBase is where a run begins to count, so that two runs within half an hour do not
// pay the same amounts: a gateway asks whether that is meant.
func countBase(now time.Time) uint32 { return 100 + 20*uint32(now.Unix()%2000) }

//go:embed scripts/*.yaml
var scripts embed.FS

// Script is what a handset does in one dialogue, and what it must see. It does
// not change once it is made.
//
//	resumed: {match: 'Go on\?', press: "2"}    # what may come first after a dialogue that broke off
//	steps:
//	  - {press: "*150*00#", match: '^Nyota Pesa\n1 Send money'}
//	  - {press: "1", text: "Send money. Enter the receiver's phone number\n0 Back"}
//	  - {press: "{peer}", match: 'Enter amount'}
//	  - {press: "1234", match: confirmed, end: true}
//
// The first press is dialled. A screen is right if it is text, or match (RE2
// syntax) is found in it, and if it closes the dialogue where end says so and
// only there. Without an end the customer hangs up after the last screen. {peer}
// in a press or a text is the number of the next handset, {count} a number that is
// another one in each of a handset's dialogues: an amount, as the same payment a
// second time is asked about.
//
// With sms, each step is an SMS to that short code and the SMS that answers it, as
// of a keyword service. There is no dialogue of the network then: nobody dials or
// hangs up, and the last answer is the end.
//
//	sms: "15000"
//	steps:
//	  - {press: PESA, text: "Dial *150*00#"}
type Script struct {
	Name    string
	SMS     string // the short code; "": USSD
	Resumed *Step
	Steps   []Step
}

// Step is a key press, or a dialled code, and the screen that it leads to.
type Step struct {
	Press string `yaml:"press"`
	Text  string `yaml:"text"`
	Match string `yaml:"match"`
	End   bool   `yaml:"end"`

	re    *regexp.Regexp
	gsm   []byte // Text in the GSM alphabet, if it has no name: compared as it came
	key   []byte // Press likewise
	named bool   // Text has a name
}

// BuiltIn returns a script that is shipped: "walk" goes through the wallet's
// screens without a call to the core, "pay" sends money between the handsets.
func BuiltIn(name string) (*Script, error) {
	src, err := fs.ReadFile(scripts, "scripts/"+name+".yaml")
	if err != nil {
		return nil, fmt.Errorf("load: no script is called %q: walk and pay are shipped", name)
	}
	return ParseScript(name, src)
}

// ParseScript reads a script. Unknown keys, patterns that do not compile and
// steps without a press or a screen are errors.
func ParseScript(name string, src []byte) (*Script, error) {
	var y struct {
		SMS     string `yaml:"sms"`
		Resumed *Step  `yaml:"resumed"`
		Steps   []Step `yaml:"steps"`
	}
	if err := yaml.UnmarshalWithOptions(src, &y, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("load: %s: %w", name, err)
	}
	s := &Script{Name: name, SMS: y.SMS, Resumed: y.Resumed, Steps: y.Steps}
	switch {
	case len(s.Steps) == 0:
		return nil, fmt.Errorf("load: %s: no steps", name)
	case len(s.SMS) > 20:
		return nil, fmt.Errorf("load: %s: sms: a short code has at most 20 characters", name)
	case s.SMS != "" && s.Resumed != nil:
		return nil, fmt.Errorf("load: %s: resumed is about USSD dialogues, these are SMS", name)
	case s.SMS != "":
		s.Steps[len(s.Steps)-1].End = true
	}
	for i := range s.Steps {
		if err := s.Steps[i].compile(); err != nil {
			return nil, fmt.Errorf("load: %s: step %d: %w", name, i+1, err)
		}
		if s.Steps[i].End && i+1 < len(s.Steps) {
			return nil, fmt.Errorf("load: %s: step %d ends the dialogue, and others follow", name, i+1)
		}
	}
	if s.Resumed != nil {
		if err := s.Resumed.compile(); err != nil {
			return nil, fmt.Errorf("load: %s: resumed: %w", name, err)
		}
		if s.Resumed.End {
			return nil, fmt.Errorf("load: %s: resumed: it cannot end the dialogue", name)
		}
	}
	return s, nil
}

func (s *Step) compile() error {
	if s.Press == "" {
		return errors.New("nothing is pressed")
	}
	if (s.Text == "") == (s.Match == "") {
		return errors.New("a screen is either text or match")
	}
	s.named = named(s.Text)
	if s.Match != "" {
		re, err := regexp.Compile(s.Match)
		if err != nil {
			return err
		}
		s.re = re
	} else if gsm, err := text.EncodeGSM7(nil, s.Text); err == nil && !s.named {
		s.gsm = gsm
	}
	if gsm, err := text.EncodeGSM7(nil, s.Press); err == nil && !named(s.Press) {
		s.key = gsm
	}
	return nil
}

// shown reports whether a screen is the one that the step leads to for h.
func (s *Step) shown(h *handset, octets []byte, dcs uint8) bool {
	if s.gsm != nil && bytes.Equal(octets, s.gsm) && dcs != text.DCSUSSDUCS2 && dcs != text.DCSUCS2 {
		return true
	}
	screen := text.Decode(octets, dcs)
	if s.re != nil {
		return s.re.MatchString(screen)
	}
	want := s.Text
	if s.named {
		want = h.filled(want)
	}
	return screen == want
}

// pressed is what h presses, with its data_coding. It may be in dst's place.
func (s *Step) pressed(h *handset, dst []byte) ([]byte, uint8) {
	if s.key != nil {
		return s.key, text.DCSUSSD
	}
	key := h.filled(s.Press)
	if gsm, err := text.EncodeGSM7(dst, key); err == nil {
		return gsm, text.DCSUSSD
	}
	return text.EncodeUCS2(dst, key), text.DCSUSSDUCS2
}

// paced reports whether the script may be played with pauses of at least
// shortest between a screen and the next key.
func (s *Script) paced(shortest time.Duration) error {
	if shortest >= repeatWindow {
		return nil
	}
	for i := 1; i < len(s.Steps); i++ {
		if s.Steps[i].Press == s.Steps[i-1].Press {
			return fmt.Errorf("load: %s: steps %d and %d press the same: within %v a gateway takes that for one press; think longer", s.Name, i, i+1, repeatWindow)
		}
	}
	if s.Resumed != nil {
		if s.Resumed.Press == s.Steps[0].Press || len(s.Steps) > 1 && s.Resumed.Press == s.Steps[1].Press {
			return fmt.Errorf("load: %s: resumed presses the same as the step beside it: within %v a gateway takes that for one press; think longer", s.Name, repeatWindow)
		}
	}
	return nil
}
