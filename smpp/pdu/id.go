package pdu

import "strconv"

// CommandID is a command_id (SMPP 3.4 section 5.1.2.1, SMPP 5.0 section 4.7.5).
type CommandID uint32

// responseBit marks the command_id of a response.
const responseBit = 0x80000000

// The command ids of SMPP 3.4, and of the broadcast family of SMPP 5.0.
const (
	IDGenericNack           CommandID = 0x80000000
	IDBindReceiver          CommandID = 0x00000001
	IDBindReceiverResp      CommandID = 0x80000001
	IDBindTransmitter       CommandID = 0x00000002
	IDBindTransmitterResp   CommandID = 0x80000002
	IDQuerySM               CommandID = 0x00000003
	IDQuerySMResp           CommandID = 0x80000003
	IDSubmitSM              CommandID = 0x00000004
	IDSubmitSMResp          CommandID = 0x80000004
	IDDeliverSM             CommandID = 0x00000005
	IDDeliverSMResp         CommandID = 0x80000005
	IDUnbind                CommandID = 0x00000006
	IDUnbindResp            CommandID = 0x80000006
	IDReplaceSM             CommandID = 0x00000007
	IDReplaceSMResp         CommandID = 0x80000007
	IDCancelSM              CommandID = 0x00000008
	IDCancelSMResp          CommandID = 0x80000008
	IDBindTransceiver       CommandID = 0x00000009
	IDBindTransceiverResp   CommandID = 0x80000009
	IDOutbind               CommandID = 0x0000000B
	IDEnquireLink           CommandID = 0x00000015
	IDEnquireLinkResp       CommandID = 0x80000015
	IDSubmitMulti           CommandID = 0x00000021
	IDSubmitMultiResp       CommandID = 0x80000021
	IDAlertNotification     CommandID = 0x00000102
	IDDataSM                CommandID = 0x00000103
	IDDataSMResp            CommandID = 0x80000103
	IDBroadcastSM           CommandID = 0x00000111
	IDBroadcastSMResp       CommandID = 0x80000111
	IDQueryBroadcastSM      CommandID = 0x00000112
	IDQueryBroadcastSMResp  CommandID = 0x80000112
	IDCancelBroadcastSM     CommandID = 0x00000113
	IDCancelBroadcastSMResp CommandID = 0x80000113
)

// IsResponse reports whether id is that of a response; generic_nack is one.
func (id CommandID) IsResponse() bool { return id&responseBit != 0 }

// omittable reports whether id is that of a response with mandatory fields: such
// a body is left out in errors, and by some peers always.
func (id CommandID) omittable() bool {
	switch id {
	case IDGenericNack, IDUnbindResp, IDEnquireLinkResp, IDCancelSMResp, IDReplaceSMResp, IDCancelBroadcastSMResp:
		return false
	}
	return id.IsResponse()
}

// Response returns the command_id that answers id. It is false for responses,
// for outbind and alert_notification, which have none, and for unknown ids.
func (id CommandID) Response() (CommandID, bool) {
	switch id {
	case IDBindReceiver,
		IDBindTransmitter,
		IDQuerySM,
		IDSubmitSM,
		IDDeliverSM,
		IDUnbind,
		IDReplaceSM,
		IDCancelSM,
		IDBindTransceiver,
		IDEnquireLink,
		IDSubmitMulti,
		IDDataSM,
		IDBroadcastSM,
		IDQueryBroadcastSM,
		IDCancelBroadcastSM:
		return id | responseBit, true
	}
	return 0, false
}

// String returns the name of the specification, such as "submit_sm", or the
// number in hexadecimal.
func (id CommandID) String() string {
	switch id {
	case IDGenericNack:
		return "generic_nack"
	case IDBindReceiver:
		return "bind_receiver"
	case IDBindReceiverResp:
		return "bind_receiver_resp"
	case IDBindTransmitter:
		return "bind_transmitter"
	case IDBindTransmitterResp:
		return "bind_transmitter_resp"
	case IDQuerySM:
		return "query_sm"
	case IDQuerySMResp:
		return "query_sm_resp"
	case IDSubmitSM:
		return "submit_sm"
	case IDSubmitSMResp:
		return "submit_sm_resp"
	case IDDeliverSM:
		return "deliver_sm"
	case IDDeliverSMResp:
		return "deliver_sm_resp"
	case IDUnbind:
		return "unbind"
	case IDUnbindResp:
		return "unbind_resp"
	case IDReplaceSM:
		return "replace_sm"
	case IDReplaceSMResp:
		return "replace_sm_resp"
	case IDCancelSM:
		return "cancel_sm"
	case IDCancelSMResp:
		return "cancel_sm_resp"
	case IDBindTransceiver:
		return "bind_transceiver"
	case IDBindTransceiverResp:
		return "bind_transceiver_resp"
	case IDOutbind:
		return "outbind"
	case IDEnquireLink:
		return "enquire_link"
	case IDEnquireLinkResp:
		return "enquire_link_resp"
	case IDSubmitMulti:
		return "submit_multi"
	case IDSubmitMultiResp:
		return "submit_multi_resp"
	case IDAlertNotification:
		return "alert_notification"
	case IDDataSM:
		return "data_sm"
	case IDDataSMResp:
		return "data_sm_resp"
	case IDBroadcastSM:
		return "broadcast_sm"
	case IDBroadcastSMResp:
		return "broadcast_sm_resp"
	case IDQueryBroadcastSM:
		return "query_broadcast_sm"
	case IDQueryBroadcastSMResp:
		return "query_broadcast_sm_resp"
	case IDCancelBroadcastSM:
		return "cancel_broadcast_sm"
	case IDCancelBroadcastSMResp:
		return "cancel_broadcast_sm_resp"
	}
	return "0x" + strconv.FormatUint(uint64(id), 16)
}

// New returns an empty body for id, or nil if id is not of SMPP 3.4 or 5.0.
func New(id CommandID) Body {
	switch id {
	case IDGenericNack:
		return new(GenericNack)
	case IDBindReceiver:
		return new(BindReceiver)
	case IDBindReceiverResp:
		return new(BindReceiverResp)
	case IDBindTransmitter:
		return new(BindTransmitter)
	case IDBindTransmitterResp:
		return new(BindTransmitterResp)
	case IDQuerySM:
		return new(QuerySM)
	case IDQuerySMResp:
		return new(QuerySMResp)
	case IDSubmitSM:
		return new(SubmitSM)
	case IDSubmitSMResp:
		return new(SubmitSMResp)
	case IDDeliverSM:
		return new(DeliverSM)
	case IDDeliverSMResp:
		return new(DeliverSMResp)
	case IDUnbind:
		return new(Unbind)
	case IDUnbindResp:
		return new(UnbindResp)
	case IDReplaceSM:
		return new(ReplaceSM)
	case IDReplaceSMResp:
		return new(ReplaceSMResp)
	case IDCancelSM:
		return new(CancelSM)
	case IDCancelSMResp:
		return new(CancelSMResp)
	case IDBindTransceiver:
		return new(BindTransceiver)
	case IDBindTransceiverResp:
		return new(BindTransceiverResp)
	case IDOutbind:
		return new(Outbind)
	case IDEnquireLink:
		return new(EnquireLink)
	case IDEnquireLinkResp:
		return new(EnquireLinkResp)
	case IDSubmitMulti:
		return new(SubmitMulti)
	case IDSubmitMultiResp:
		return new(SubmitMultiResp)
	case IDAlertNotification:
		return new(AlertNotification)
	case IDDataSM:
		return new(DataSM)
	case IDDataSMResp:
		return new(DataSMResp)
	case IDBroadcastSM:
		return new(BroadcastSM)
	case IDBroadcastSMResp:
		return new(BroadcastSMResp)
	case IDQueryBroadcastSM:
		return new(QueryBroadcastSM)
	case IDQueryBroadcastSMResp:
		return new(QueryBroadcastSMResp)
	case IDCancelBroadcastSM:
		return new(CancelBroadcastSM)
	case IDCancelBroadcastSMResp:
		return new(CancelBroadcastSMResp)
	}
	return nil
}
