package ledger

import (
	"encoding/base32"

	"github.com/google/uuid"

	"nyota/sessions"
)

// crockford leaves out I, L, O and U, which people mix up when they read aloud.
var crockford = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)

// Reference returns what a customer is told to quote: the core's reference once
// it is known, before that eight characters of the action's own id.
func Reference(a sessions.Action) string {
	if a.Ref != "" {
		return a.Ref
	}
	return short(a)
}

// Quoted is the reference as the customer reads it with what became of a: the
// core's, and behind it ours where that is the one that the customer was told
// before, with "we are checking". Otherwise nobody who waits for two payments of
// the same amount could tell whose SMS came.
func Quoted(a sessions.Action) string {
	ref := Reference(a)
	if own := short(a); a.State.Final() && ref != own && (a.Inquiry > 0 || a.EndedAt.After(a.Deadline)) {
		ref += quotedAlso + own
	}
	return ref
}

// quotedAlso stands between two references of one action.
const quotedAlso = "/"

// short is the reference that an action has by itself.
func short(a sessions.Action) string {
	id, err := uuid.Parse(a.ID)
	if err != nil {
		return a.ID
	}
	return crockford.EncodeToString(id[11:16]) // the random end of a UUIDv7
}
