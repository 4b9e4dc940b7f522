package main

import (
	"os"
	"strings"
	"testing"
)

func TestTheListOfCommandsHasThemAll(t *testing.T) {
	source, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	doc, _, _ := strings.Cut(string(source), "\npackage main\n")
	for _, c := range command().Commands() {
		names := []string{c.Name()}
		if c.Name() == "load" || c.Name() == "simulate" || c.Name() == "key" {
			names = nil
			for _, sub := range c.Commands() {
				names = append(names, c.Name()+" "+sub.Name())
			}
		}
		for _, name := range names {
			if name != "serve" && !strings.Contains(doc, "\n//\tgateway "+name+" ") {
				t.Errorf("go doc ./gateway says nothing of gateway %s", name)
			}
		}
	}
}
