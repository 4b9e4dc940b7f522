package main

import (
	"strings"
	"testing"
)

func TestAnAgentsDepositIsToldToBothAndTheAccountCanBeLocked(t *testing.T) {
	g := startGateway(t, testConfig(t))
	counter, customer := handset(t, g, agent), handset(t, g, payee)
	if err := counter.dial("*150*01*1*0700000002*20000#"); err != nil {
		t.Fatal(err)
	}
	key(t, counter, testPIN, "Deposit TZS 20,000 for 0700000002", "Enter PIN")
	shows(t, counter, "confirmed", "TZS 20,000 deposited")
	if told := inbox(t, customer, 1); !strings.Contains(told[0].Text, "TZS 20,000 was deposited to your account") {
		t.Errorf("the customer reads %q", told[0].Text)
	}
	ref, _, _ := strings.Cut(inbox(t, counter, 1)[0].Text, " ")

	// The customer asks what became of it, and then locks the account.
	if err := customer.dial("*150*02*2#"); err != nil {
		t.Fatal(err)
	}
	key(t, customer, ref, "reference of the transaction")
	shows(t, customer, ref+" is done", "+TZS 20,000")
	key(t, customer, "00", ref)
	key(t, customer, "1", "Lock my account")
	key(t, customer, "2", "Why do you lock")
	key(t, customer, "1", "Somebody knows my PIN")
	key(t, customer, testPIN, "Enter PIN")
	shows(t, customer, "Your account is locked")
	toPIN(t, customer, "0700000003", "5000")
	key(t, customer, testPIN, "Enter PIN")
	shows(t, customer, "blocked")
}
