package outage

import "testing"

func TestPeopleChooseWhatIsBusyAndNotWhatIsAway(t *testing.T) {
	for mark, want := range map[string]bool{
		"": false, " (very busy)": false, " (not available now)": true, " (unavailable till 21:30)": true,
	} {
		if got := closed("Hello\n1 Send money"+mark+"\n2 Pay bill (not available now)", errandTransfer); got != want {
			t.Errorf("an option that reads %q is closed: %v", "Send money"+mark, got)
		}
	}
}
