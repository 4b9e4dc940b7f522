package menus

import (
	"errors"
	"io/fs"
)

// Catalog is one revision of all menus. It is immutable and safe for use by
// many goroutines.
type Catalog struct {
	env      Env
	revision string
	source   []byte
	programs []*Program
}

// Program is one menu, compiled. It is immutable and safe for use by many
// goroutines.
type Program struct {
	menu string
}

// Errors of Step that a caller causes, never a customer.
var (
	ErrState   = errors.New("menus: the state is not of this menu's revision")
	ErrWaiting = errors.New("menus: a call is outstanding: only Answer and Show can follow")
	ErrNoCall  = errors.New("menus: Answer without an outstanding call")
	ErrEnded   = errors.New("menus: the dialogue is over")
	ErrInput   = errors.New("menus: the input is incomplete")
)

var errLoading = errors.New("menus: the loader is being written")

// Load reads every *.yaml in fsys but *.test.yaml.
func Load(fsys fs.FS, env Env) (*Catalog, error) { return nil, errLoading }

// LoadSource reads a revision that Source wrote.
func LoadSource(source []byte, env Env) (*Catalog, error) { return nil, errLoading }

// Revision is a short hash of all files and the Env.
func (c *Catalog) Revision() string { return c.revision }

// Source is all files in one blob.
func (c *Catalog) Source() []byte { return c.source }

// Dial finds the menu of a dialled string.
func (c *Catalog) Dial(dialled string) (p *Program, rest string, ok bool) { return nil, "", false }

// Program finds a menu by name.
func (c *Catalog) Program(menu string) (*Program, bool) { return nil, false }

// Menus are the names of all menus, sorted.
func (c *Catalog) Menus() []string { return nil }

// Text is a text of the catalog outside any menu.
func (c *Catalog) Text(name, lang string, vars ...Value) string { return "" }

// Menu is the menu's name.
func (p *Program) Menu() string { return p.menu }

// Step makes one step of a dialogue.
func (p *Program) Step(st State, in Input) (Turn, error) { return Turn{}, errLoading }

// Notice renders the SMS for a recipient of an action's outcome.
func (p *Program) Notice(screen string, role Role, lang string, outcome Outcome, vars []Value, r Result) (string, bool) {
	return "", false
}
