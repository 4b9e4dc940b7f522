package pdu

// Interface versions (SMPP 3.4 section 5.2.4, SMPP 5.0 section 4.7.13). Peers of
// 3.3 and before send any value up to Version33, or leave it 0.
const (
	Version33 = 0x33
	Version34 = 0x34
	Version50 = 0x50
)

// Types of number (SMPP 3.4 section 5.2.5).
const (
	TONUnknown         = 0
	TONInternational   = 1
	TONNational        = 2
	TONNetworkSpecific = 3
	TONSubscriber      = 4
	TONAlphanumeric    = 5
	TONAbbreviated     = 6
)

// Numbering plans (SMPP 3.4 section 5.2.6).
const (
	NPIUnknown    = 0
	NPIISDN       = 1 // E.163, E.164
	NPIData       = 3 // X.121
	NPITelex      = 4 // F.69
	NPILandMobile = 6 // E.212
	NPINational   = 8
	NPIPrivate    = 9
	NPIERMES      = 10
	NPIInternet   = 14 // IP address
	NPIWAP        = 18
)

// Bits of esm_class (SMPP 3.4 section 5.2.12). The messaging mode is of
// submit_sm, submit_multi and data_sm; the message type takes bits 5 to 2.
const (
	ESMModeMask         = 0x03
	ESMModeDefault      = 0x00 // the message centre's, usually store and forward
	ESMModeDatagram     = 0x01
	ESMModeTransaction  = 0x02 // forward
	ESMModeStoreForward = 0x03
	ESMTypeMask         = 0x3C
	ESMTypeDefault      = 0x00
	ESMTypeReceipt      = 0x04 // the message centre's delivery receipt
	ESMTypeDeliveryAck  = 0x08 // of the phone
	ESMTypeUserAck      = 0x10 // of the person
	ESMTypeConversation = 0x18 // a conversation was aborted
	ESMTypeIntermediate = 0x20 // intermediate notification
	ESMFeatureUDHI      = 0x40 // short_message begins with a user data header
	ESMFeatureReplyPath = 0x80
	ESMFeatureMask      = 0xC0
)

// Bits of registered_delivery (SMPP 3.4 section 5.2.17, SMPP 5.0 section 4.7.21).
const (
	ReceiptMask         = 0x03
	ReceiptNone         = 0x00
	ReceiptAlways       = 0x01 // on success and on failure
	ReceiptFailure      = 0x02
	ReceiptSuccess      = 0x03 // SMPP 5.0
	AckMask             = 0x0C
	AckDelivery         = 0x04
	AckUser             = 0x08
	AckBoth             = 0x0C
	ReceiptIntermediate = 0x10
)

// Message states (SMPP 3.4 section 5.2.28; StateScheduled and StateSkipped of
// SMPP 5.0 section 4.7.15).
const (
	StateScheduled     = 0
	StateEnroute       = 1
	StateDelivered     = 2
	StateExpired       = 3
	StateDeleted       = 4
	StateUndeliverable = 5
	StateAccepted      = 6
	StateUnknown       = 7
	StateRejected      = 8
	StateSkipped       = 9
)

// Values of TagUSSDServiceOp (SMPP 3.4 section 5.3.2.44); 32 to 255 are vendors'.
const (
	USSDIndPSSD  = 0 // process unstructured SS data, indication
	USSDIndPSSR  = 1 // a customer dials
	USSDReqUSSR  = 2 // a question to the customer
	USSDReqUSSN  = 3 // a notice to the customer
	USSDRespPSSD = 16
	USSDRespPSSR = 17 // the last answer to what was dialled
	USSDConfUSSR = 18 // the customer's answer
	USSDConfUSSN = 19 // the customer read the notice
)
