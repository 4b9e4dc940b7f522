package pdu

import "strconv"

// Status is a command_status (SMPP 3.4 section 5.1.3, SMPP 5.0 section 4.7.6).
// Values 0x400 to 0x4FF are left to vendors; any value is carried as it is.
type Status uint32

// The statuses of SMPP 3.4 and 5.0, where the names differ with the name of 5.0.
// A constant's name is that of the specification without ESME_R.
const (
	StatusOK                Status = 0x00000000 // ESME_ROK: no error
	StatusInvMsgLen         Status = 0x00000001 // ESME_RINVMSGLEN: message length is invalid
	StatusInvCmdLen         Status = 0x00000002 // ESME_RINVCMDLEN: command length is invalid
	StatusInvCmdID          Status = 0x00000003 // ESME_RINVCMDID: command id is unknown
	StatusInvBndSts         Status = 0x00000004 // ESME_RINVBNDSTS: command not allowed in this bind state
	StatusAlyBnd            Status = 0x00000005 // ESME_RALYBND: already bound
	StatusInvPrtFlg         Status = 0x00000006 // ESME_RINVPRTFLG: priority flag is invalid
	StatusInvRegDlvFlg      Status = 0x00000007 // ESME_RINVREGDLVFLG: registered delivery flag is invalid
	StatusSysErr            Status = 0x00000008 // ESME_RSYSERR: system error
	StatusInvSrcAdr         Status = 0x0000000A // ESME_RINVSRCADR: source address is invalid
	StatusInvDstAdr         Status = 0x0000000B // ESME_RINVDSTADR: destination address is invalid
	StatusInvMsgID          Status = 0x0000000C // ESME_RINVMSGID: message id is invalid
	StatusBindFail          Status = 0x0000000D // ESME_RBINDFAIL: bind failed
	StatusInvPaswd          Status = 0x0000000E // ESME_RINVPASWD: password is invalid
	StatusInvSysID          Status = 0x0000000F // ESME_RINVSYSID: system id is invalid
	StatusCancelFail        Status = 0x00000011 // ESME_RCANCELFAIL: cancelling the message failed
	StatusReplaceFail       Status = 0x00000013 // ESME_RREPLACEFAIL: replacing the message failed
	StatusMsgQFul           Status = 0x00000014 // ESME_RMSGQFUL: message queue is full
	StatusInvSerTyp         Status = 0x00000015 // ESME_RINVSERTYP: service type is invalid
	StatusInvNumDests       Status = 0x00000033 // ESME_RINVNUMDESTS: number of destinations is invalid
	StatusInvDLName         Status = 0x00000034 // ESME_RINVDLNAME: distribution list name is invalid
	StatusInvDestFlag       Status = 0x00000040 // ESME_RINVDESTFLAG: destination flag is invalid
	StatusInvSubRep         Status = 0x00000042 // ESME_RINVSUBREP: submit with replace is invalid
	StatusInvEsmClass       Status = 0x00000043 // ESME_RINVESMCLASS: esm_class is invalid
	StatusCntSubDL          Status = 0x00000044 // ESME_RCNTSUBDL: cannot submit to the distribution list
	StatusSubmitFail        Status = 0x00000045 // ESME_RSUBMITFAIL: submitting the message failed
	StatusInvSrcTON         Status = 0x00000048 // ESME_RINVSRCTON: type of number of the source is invalid
	StatusInvSrcNPI         Status = 0x00000049 // ESME_RINVSRCNPI: numbering plan of the source is invalid
	StatusInvDstTON         Status = 0x00000050 // ESME_RINVDSTTON: type of number of the destination is invalid
	StatusInvDstNPI         Status = 0x00000051 // ESME_RINVDSTNPI: numbering plan of the destination is invalid
	StatusInvSysTyp         Status = 0x00000053 // ESME_RINVSYSTYP: system type is invalid
	StatusInvRepFlag        Status = 0x00000054 // ESME_RINVREPFLAG: replace-if-present flag is invalid
	StatusInvNumMsgs        Status = 0x00000055 // ESME_RINVNUMMSGS: number of messages is invalid
	StatusThrottled         Status = 0x00000058 // ESME_RTHROTTLED: message rate exceeds the allowed limit
	StatusInvSched          Status = 0x00000061 // ESME_RINVSCHED: scheduled delivery time is invalid
	StatusInvExpiry         Status = 0x00000062 // ESME_RINVEXPIRY: validity period is invalid
	StatusInvDftMsgID       Status = 0x00000063 // ESME_RINVDFTMSGID: predefined message is invalid or missing
	StatusXTAppn            Status = 0x00000064 // ESME_RX_T_APPN: receiver has a temporary application error
	StatusXPAppn            Status = 0x00000065 // ESME_RX_P_APPN: receiver has a permanent application error
	StatusXRAppn            Status = 0x00000066 // ESME_RX_R_APPN: receiver rejects the message
	StatusQueryFail         Status = 0x00000067 // ESME_RQUERYFAIL: querying the message failed
	StatusInvTLVStream      Status = 0x000000C0 // ESME_RINVTLVSTREAM: optional parameters cannot be parsed
	StatusTLVNotAllwd       Status = 0x000000C1 // ESME_RTLVNOTALLWD: optional parameter is not allowed here
	StatusInvTLVLen         Status = 0x000000C2 // ESME_RINVTLVLEN: optional parameter has an invalid length
	StatusMissingTLV        Status = 0x000000C3 // ESME_RMISSINGTLV: an expected optional parameter is missing
	StatusInvTLVVal         Status = 0x000000C4 // ESME_RINVTLVVAL: optional parameter has an invalid value
	StatusDeliveryFailure   Status = 0x000000FE // ESME_RDELIVERYFAILURE: delivery failed
	StatusUnknownErr        Status = 0x000000FF // ESME_RUNKNOWNERR: unknown error
	StatusSerTypUnauth      Status = 0x00000100 // ESME_RSERTYPUNAUTH: not authorised for this service type
	StatusProhibited        Status = 0x00000101 // ESME_RPROHIBITED: prohibited from this operation
	StatusSerTypUnavail     Status = 0x00000102 // ESME_RSERTYPUNAVAIL: service type is unavailable
	StatusSerTypDenied      Status = 0x00000103 // ESME_RSERTYPDENIED: service type is denied
	StatusInvDCS            Status = 0x00000104 // ESME_RINVDCS: data coding is invalid
	StatusInvSrcAddrSubunit Status = 0x00000105 // ESME_RINVSRCADDRSUBUNIT: source address subunit is invalid
	StatusInvDstAddrSubunit Status = 0x00000106 // ESME_RINVDSTADDRSUBUNIT: destination address subunit is invalid
	StatusInvBcastFreqInt   Status = 0x00000107 // ESME_RINVBCASTFREQINT: broadcast frequency interval is invalid
	StatusInvBcastAliasName Status = 0x00000108 // ESME_RINVBCASTALIAS_NAME: broadcast alias name is invalid
	StatusInvBcastAreaFmt   Status = 0x00000109 // ESME_RINVBCASTAREAFMT: broadcast area format is invalid
	StatusInvNumBcastAreas  Status = 0x0000010A // ESME_RINVNUMBCAST_AREAS: number of broadcast areas is invalid
	StatusInvBcastCntType   Status = 0x0000010B // ESME_RINVBCASTCNTTYPE: broadcast content type is invalid
	StatusInvBcastMsgClass  Status = 0x0000010C // ESME_RINVBCASTMSGCLASS: broadcast message class is invalid
	StatusBcastFail         Status = 0x0000010D // ESME_RBCASTFAIL: broadcast failed
	StatusBcastQueryFail    Status = 0x0000010E // ESME_RBCASTQUERYFAIL: querying the broadcast failed
	StatusBcastCancelFail   Status = 0x0000010F // ESME_RBCASTCANCELFAIL: cancelling the broadcast failed
	StatusInvBcastRep       Status = 0x00000110 // ESME_RINVBCAST_REP: number of repeated broadcasts is invalid
	StatusInvBcastSrvGrp    Status = 0x00000111 // ESME_RINVBCASTSRVGRP: broadcast service group is invalid
	StatusInvBcastChanInd   Status = 0x00000112 // ESME_RINVBCASTCHANIND: broadcast channel indicator is invalid
)

// statusText is a status's name in the specification and its meaning.
type statusText struct{ name, meaning string }

func (s Status) text() statusText {
	switch s {
	case StatusOK:
		return statusText{"ESME_ROK", "no error"}
	case StatusInvMsgLen:
		return statusText{"ESME_RINVMSGLEN", "message length is invalid"}
	case StatusInvCmdLen:
		return statusText{"ESME_RINVCMDLEN", "command length is invalid"}
	case StatusInvCmdID:
		return statusText{"ESME_RINVCMDID", "command id is unknown"}
	case StatusInvBndSts:
		return statusText{"ESME_RINVBNDSTS", "command not allowed in this bind state"}
	case StatusAlyBnd:
		return statusText{"ESME_RALYBND", "already bound"}
	case StatusInvPrtFlg:
		return statusText{"ESME_RINVPRTFLG", "priority flag is invalid"}
	case StatusInvRegDlvFlg:
		return statusText{"ESME_RINVREGDLVFLG", "registered delivery flag is invalid"}
	case StatusSysErr:
		return statusText{"ESME_RSYSERR", "system error"}
	case StatusInvSrcAdr:
		return statusText{"ESME_RINVSRCADR", "source address is invalid"}
	case StatusInvDstAdr:
		return statusText{"ESME_RINVDSTADR", "destination address is invalid"}
	case StatusInvMsgID:
		return statusText{"ESME_RINVMSGID", "message id is invalid"}
	case StatusBindFail:
		return statusText{"ESME_RBINDFAIL", "bind failed"}
	case StatusInvPaswd:
		return statusText{"ESME_RINVPASWD", "password is invalid"}
	case StatusInvSysID:
		return statusText{"ESME_RINVSYSID", "system id is invalid"}
	case StatusCancelFail:
		return statusText{"ESME_RCANCELFAIL", "cancelling the message failed"}
	case StatusReplaceFail:
		return statusText{"ESME_RREPLACEFAIL", "replacing the message failed"}
	case StatusMsgQFul:
		return statusText{"ESME_RMSGQFUL", "message queue is full"}
	case StatusInvSerTyp:
		return statusText{"ESME_RINVSERTYP", "service type is invalid"}
	case StatusInvNumDests:
		return statusText{"ESME_RINVNUMDESTS", "number of destinations is invalid"}
	case StatusInvDLName:
		return statusText{"ESME_RINVDLNAME", "distribution list name is invalid"}
	case StatusInvDestFlag:
		return statusText{"ESME_RINVDESTFLAG", "destination flag is invalid"}
	case StatusInvSubRep:
		return statusText{"ESME_RINVSUBREP", "submit with replace is invalid"}
	case StatusInvEsmClass:
		return statusText{"ESME_RINVESMCLASS", "esm_class is invalid"}
	case StatusCntSubDL:
		return statusText{"ESME_RCNTSUBDL", "cannot submit to the distribution list"}
	case StatusSubmitFail:
		return statusText{"ESME_RSUBMITFAIL", "submitting the message failed"}
	case StatusInvSrcTON:
		return statusText{"ESME_RINVSRCTON", "type of number of the source is invalid"}
	case StatusInvSrcNPI:
		return statusText{"ESME_RINVSRCNPI", "numbering plan of the source is invalid"}
	case StatusInvDstTON:
		return statusText{"ESME_RINVDSTTON", "type of number of the destination is invalid"}
	case StatusInvDstNPI:
		return statusText{"ESME_RINVDSTNPI", "numbering plan of the destination is invalid"}
	case StatusInvSysTyp:
		return statusText{"ESME_RINVSYSTYP", "system type is invalid"}
	case StatusInvRepFlag:
		return statusText{"ESME_RINVREPFLAG", "replace-if-present flag is invalid"}
	case StatusInvNumMsgs:
		return statusText{"ESME_RINVNUMMSGS", "number of messages is invalid"}
	case StatusThrottled:
		return statusText{"ESME_RTHROTTLED", "message rate exceeds the allowed limit"}
	case StatusInvSched:
		return statusText{"ESME_RINVSCHED", "scheduled delivery time is invalid"}
	case StatusInvExpiry:
		return statusText{"ESME_RINVEXPIRY", "validity period is invalid"}
	case StatusInvDftMsgID:
		return statusText{"ESME_RINVDFTMSGID", "predefined message is invalid or missing"}
	case StatusXTAppn:
		return statusText{"ESME_RX_T_APPN", "receiver has a temporary application error"}
	case StatusXPAppn:
		return statusText{"ESME_RX_P_APPN", "receiver has a permanent application error"}
	case StatusXRAppn:
		return statusText{"ESME_RX_R_APPN", "receiver rejects the message"}
	case StatusQueryFail:
		return statusText{"ESME_RQUERYFAIL", "querying the message failed"}
	case StatusInvTLVStream:
		return statusText{"ESME_RINVTLVSTREAM", "optional parameters cannot be parsed"}
	case StatusTLVNotAllwd:
		return statusText{"ESME_RTLVNOTALLWD", "optional parameter is not allowed here"}
	case StatusInvTLVLen:
		return statusText{"ESME_RINVTLVLEN", "optional parameter has an invalid length"}
	case StatusMissingTLV:
		return statusText{"ESME_RMISSINGTLV", "an expected optional parameter is missing"}
	case StatusInvTLVVal:
		return statusText{"ESME_RINVTLVVAL", "optional parameter has an invalid value"}
	case StatusDeliveryFailure:
		return statusText{"ESME_RDELIVERYFAILURE", "delivery failed"}
	case StatusUnknownErr:
		return statusText{"ESME_RUNKNOWNERR", "unknown error"}
	case StatusSerTypUnauth:
		return statusText{"ESME_RSERTYPUNAUTH", "not authorised for this service type"}
	case StatusProhibited:
		return statusText{"ESME_RPROHIBITED", "prohibited from this operation"}
	case StatusSerTypUnavail:
		return statusText{"ESME_RSERTYPUNAVAIL", "service type is unavailable"}
	case StatusSerTypDenied:
		return statusText{"ESME_RSERTYPDENIED", "service type is denied"}
	case StatusInvDCS:
		return statusText{"ESME_RINVDCS", "data coding is invalid"}
	case StatusInvSrcAddrSubunit:
		return statusText{"ESME_RINVSRCADDRSUBUNIT", "source address subunit is invalid"}
	case StatusInvDstAddrSubunit:
		return statusText{"ESME_RINVDSTADDRSUBUNIT", "destination address subunit is invalid"}
	case StatusInvBcastFreqInt:
		return statusText{"ESME_RINVBCASTFREQINT", "broadcast frequency interval is invalid"}
	case StatusInvBcastAliasName:
		return statusText{"ESME_RINVBCASTALIAS_NAME", "broadcast alias name is invalid"}
	case StatusInvBcastAreaFmt:
		return statusText{"ESME_RINVBCASTAREAFMT", "broadcast area format is invalid"}
	case StatusInvNumBcastAreas:
		return statusText{"ESME_RINVNUMBCAST_AREAS", "number of broadcast areas is invalid"}
	case StatusInvBcastCntType:
		return statusText{"ESME_RINVBCASTCNTTYPE", "broadcast content type is invalid"}
	case StatusInvBcastMsgClass:
		return statusText{"ESME_RINVBCASTMSGCLASS", "broadcast message class is invalid"}
	case StatusBcastFail:
		return statusText{"ESME_RBCASTFAIL", "broadcast failed"}
	case StatusBcastQueryFail:
		return statusText{"ESME_RBCASTQUERYFAIL", "querying the broadcast failed"}
	case StatusBcastCancelFail:
		return statusText{"ESME_RBCASTCANCELFAIL", "cancelling the broadcast failed"}
	case StatusInvBcastRep:
		return statusText{"ESME_RINVBCAST_REP", "number of repeated broadcasts is invalid"}
	case StatusInvBcastSrvGrp:
		return statusText{"ESME_RINVBCASTSRVGRP", "broadcast service group is invalid"}
	case StatusInvBcastChanInd:
		return statusText{"ESME_RINVBCASTCHANIND", "broadcast channel indicator is invalid"}
	}
	return statusText{}
}

// Known reports whether s is a status of SMPP 3.4 or 5.0.
func (s Status) Known() bool { return s.text().name != "" }

// Vendor reports whether s is of the range left to vendors, 0x400 to 0x4FF.
func (s Status) Vendor() bool { return s >= 0x400 && s <= 0x4FF }

// String returns the name of the specification, such as "ESME_RTHROTTLED", or
// the number in hexadecimal.
func (s Status) String() string {
	if t := s.text(); t.name != "" {
		return t.name
	}
	return "0x" + strconv.FormatUint(uint64(s), 16)
}

// ParseStatus reads a status as String writes it: the name of the specification,
// or a number, decimal or hexadecimal with 0x.
func ParseStatus(name string) (Status, bool) {
	if n, err := strconv.ParseUint(name, 0, 32); err == nil {
		return Status(n), true
	}
	for s := StatusOK; s <= StatusInvBcastChanInd; s++ {
		if t := s.text(); t.name != "" && t.name == name {
			return s, true
		}
	}
	return 0, false
}

// Meaning says in a few words what s stands for.
func (s Status) Meaning() string {
	if t := s.text(); t.meaning != "" {
		return t.meaning
	}
	if s.Vendor() {
		return "vendor-specific error"
	}
	return "reserved"
}
