package simulator_test

import (
	"context"
	"fmt"

	"nyota/gateway/simulator"
)

// A handset shows what a real one shows. Here no gateway has bound to the
// operator yet, which Serve would let it do.
func ExampleSMSC_Handset() {
	smsc := simulator.NewSMSC(simulator.SMSCConfig{SystemID: "OPERATOR"})
	handset, err := smsc.Handset("255700000001")
	if err != nil {
		fmt.Println(err)
		return
	}
	err = handset.Dial(context.Background(), "*150*00#")
	fmt.Println(err)
	fmt.Println(handset.Snapshot().Screen)
	// Output:
	// simulator: no gateway is bound
	// Connection problem or invalid MMI code.
}
