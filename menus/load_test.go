package menus

import (
	"os"
	"testing"
)

func wallet(t testing.TB) *Catalog {
	t.Helper()
	c, err := Load(os.DirFS("catalog"), DefaultEnv())
	if err != nil {
		t.Fatalf("the shipped catalog does not load:\n%v", err)
	}
	return c
}

func TestShippedCatalogLoads(t *testing.T) {
	c := wallet(t)
	p, rest, ok := c.Dial("*150*00#")
	if !ok || rest != "" || p.Menu() != "wallet" {
		t.Fatalf("Dial gave %v, %q, %v", p, rest, ok)
	}
}
