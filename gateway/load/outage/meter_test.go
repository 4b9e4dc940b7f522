package outage

import (
	"testing"
	"time"

	"nyota/gateway/simulator/coresim"
)

// ten is a core of ten workers at 40 ms.
func ten() Health {
	workers, ms := 10, 40.0
	return Health{Workers: &workers, ServiceMS: &ms}
}

func TestRecoveryIsTheFirstSecondInWhichTheCoreIsUsed(t *testing.T) {
	buckets := make([]bucket, 40)
	for i := range buckets {
		buckets[i].refused = 50
		if i >= 15 {
			buckets[i].useful = 0.99 // of one worker second that there is in a bucket
		}
	}
	if got := recovery(buckets, ten()); got != 1.5 {
		t.Errorf("recovered after %v s, want 1.5", got)
	}
	for i := range buckets {
		buckets[i].useful /= 2
	}
	if got := recovery(buckets, ten()); got != -1 {
		t.Errorf("recovered after %v s at half the rate", got)
	}
}

func TestGoodputCountsWhatWasOfUseOfWhatWasWanted(t *testing.T) {
	for _, tc := range []struct {
		name string
		b    bucket // each of a second's ten
		want float64
	}{
		{"all workers busy with what is awaited", bucket{useful: 1, refused: 100}, 1},
		{"idle, and nobody was refused", bucket{useful: 0.1}, 1},
		{"idle, and more were refused than could be served", bucket{useful: 0.6, refused: 100}, 0.6},
		{"idle, and one call was refused", bucket{useful: 0.6, refused: 1}, 0.6 / 0.64},
		{"busy with what nobody waits for, and somebody would", bucket{useful: 0.25, wasted: 0.75, refused: 100}, 0.25},
		{"busy with what nobody waits for, one call", bucket{useful: 0.25, wasted: 0.75, late: 1}, 0.25 / 0.29},
		{"answers lost on the way are nobody's fault", bucket{useful: 0.5, lost: 0.5, refused: 100}, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			buckets := make([]bucket, 10)
			for i := range buckets {
				buckets[i] = tc.b
			}
			if got, some := workDone(buckets, ten()).share(); !some || got < tc.want-1e-6 || got > tc.want+1e-6 {
				t.Errorf("goodput %v, %v, want %v", got, some, tc.want)
			}
		})
	}
	if _, some := workDone(make([]bucket, 10), ten()).share(); some {
		t.Error("a goodput although nobody wanted anything")
	}
	down := true
	if _, some := workDone([]bucket{{refused: 100}}, ten().over(Health{Down: &down})).share(); some {
		t.Error("a core that is down is held against the gateway")
	}
}

func TestWorkIsCountedInTheTimeInWhichItWasDone(t *testing.T) {
	begun := time.Now()
	m := newMeter(begun)
	m.worked(coresim.Work{Began: begun.Add(150 * time.Millisecond), Ended: begun.Add(420 * time.Millisecond)})
	m.worked(coresim.Work{Began: begun.Add(150 * time.Millisecond), Ended: begun.Add(420 * time.Millisecond), Left: true})
	for i, want := range []float64{0, 0.05, 0.1, 0.1, 0.02} {
		b := m.buckets[i]
		if d := b.useful - want; d > 1e-9 || d < -1e-9 || b.wasted != b.useful {
			t.Errorf("bucket %d has %v s of use and %v wasted, want %v", i, b.useful, b.wasted, want)
		}
	}
	if b := m.buckets[4]; b.answered != 1 || b.late != 1 {
		t.Errorf("answered %d, late %d", b.answered, b.late)
	}
}
