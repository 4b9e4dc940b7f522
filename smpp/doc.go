// Package smpp speaks SMPP 3.4 and 5.0 in both roles: as an ESME that binds to a
// message centre (Dial, Link, Pool) and as a message centre that is bound to (Server).
//
// A Conn is one connection of either role. It has one goroutine that reads, one
// that writes and one that watches the timers, whatever the traffic: requests of
// many callers are gathered into few writes, responses are matched where they are
// read, and a Handler runs on the reader's goroutine. Keepalive, unbind, malformed
// PDUs and unknown commands are answered below the Handler.
//
// What became of a request is never guessed. ErrNotSent means that no octet of it
// was given to the network, so it may be sent again, elsewhere too.
// ErrUnknownOutcome means that it may have arrived. A *StatusError is the peer's
// own answer.
//
//	config.go    Config, Handler, Bind
//	errors.go    what can go wrong
//	stats.go     what is counted
//	conn.go      the life of a connection
//	send.go      Do, Go, TryGo, Reply
//	window.go    our requests under way
//	held.go      the peer's requests that are not answered yet
//	reader.go    octets to PDUs
//	dispatch.go  PDUs to callers, handlers and the states of a session
//	writer.go    the queue of octets
//	timers.go    when to enquire, when to give up
//	unbind.go    the orderly end
//	dial.go      the ESME's side
//	link.go      a bind that keeps itself up
//	pool.go      several links: routing, failover, lanes, drain
//	pool_route.go, pool_send.go, pool_ticket.go
//	rate.go      segments a second
//	retry.go     what becomes of a refusal; congestion
//	receipts.go  delivery receipts find their messages
//	server.go    the message centre's side
package smpp
