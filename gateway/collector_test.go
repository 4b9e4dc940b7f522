package main

import "testing"

func TestALargeHeapGrowsByLessThanASmallOne(t *testing.T) {
	for name, tc := range map[string]struct {
		live uint64
		want int
	}{
		"before the first collection":  {0, growth},
		"an idle gateway":              {60 << 20, growth},
		"a hundred thousand dialogues": {128 << 20, 300},
		"a million dialogues":          {600 << 20, 60},
		"twenty million":               {12 << 30, least},
	} {
		if got := growthOf(tc.live); got != tc.want {
			t.Errorf("%s: %d %%, want %d %%", name, got, tc.want)
		}
	}
}
