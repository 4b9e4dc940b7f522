package pdu

// field names a mandatory parameter in the table below.
type field uint8

const (
	fieldSystemID field = iota
	fieldPassword
	fieldSystemType
	fieldInterfaceVersion
	fieldAddrTON
	fieldAddrNPI
	fieldAddressRange
	fieldServiceType
	fieldSourceAddrTON
	fieldSourceAddrNPI
	fieldSourceAddr
	fieldSourceAddrLong
	fieldDestAddrTON
	fieldDestAddrNPI
	fieldDestinationAddr
	fieldDestinationAddrLong
	fieldNumberOfDests
	fieldDestFlag
	fieldDLName
	fieldESMClass
	fieldProtocolID
	fieldPriorityFlag
	fieldScheduleDeliveryTime
	fieldValidityPeriod
	fieldRegisteredDelivery
	fieldReplaceIfPresentFlag
	fieldDataCoding
	fieldSMDefaultMsgID
	fieldSMLength
	fieldShortMessage
	fieldMessageID
	fieldNoUnsuccess
	fieldUnsuccessAddr
	fieldErrorStatusCode
	fieldESMEAddrTON
	fieldESMEAddrNPI
	fieldESMEAddr
	fieldFinalDate
	fieldMessageState
	fieldErrorCode
)

// fieldSpec is what encoder and decoder know about a mandatory parameter.
type fieldSpec struct {
	name   string
	max    int    // octets without the NUL, or elements; 0 for an integer
	status Status // what a malformed one is answered with
}

// fields is read only. The sizes are those of SMPP 3.4 section 5.2 and SMPP 5.0
// section 4.7; SourceAddrLong and DestinationAddrLong are those of data_sm.
var fields = [...]fieldSpec{
	fieldSystemID:             {"system_id", 15, StatusInvSysID},
	fieldPassword:             {"password", 8, StatusInvPaswd},
	fieldSystemType:           {"system_type", 12, StatusInvSysTyp},
	fieldInterfaceVersion:     {"interface_version", 0, StatusInvCmdLen},
	fieldAddrTON:              {"addr_ton", 0, StatusInvCmdLen},
	fieldAddrNPI:              {"addr_npi", 0, StatusInvCmdLen},
	fieldAddressRange:         {"address_range", 40, StatusBindFail},
	fieldServiceType:          {"service_type", 5, StatusInvSerTyp},
	fieldSourceAddrTON:        {"source_addr_ton", 0, StatusInvCmdLen},
	fieldSourceAddrNPI:        {"source_addr_npi", 0, StatusInvCmdLen},
	fieldSourceAddr:           {"source_addr", 20, StatusInvSrcAdr},
	fieldSourceAddrLong:       {"source_addr", 64, StatusInvSrcAdr},
	fieldDestAddrTON:          {"dest_addr_ton", 0, StatusInvCmdLen},
	fieldDestAddrNPI:          {"dest_addr_npi", 0, StatusInvCmdLen},
	fieldDestinationAddr:      {"destination_addr", 20, StatusInvDstAdr},
	fieldDestinationAddrLong:  {"destination_addr", 64, StatusInvDstAdr},
	fieldNumberOfDests:        {"number_of_dests", 255, StatusInvNumDests},
	fieldDestFlag:             {"dest_flag", 0, StatusInvDestFlag},
	fieldDLName:               {"dl_name", 20, StatusInvDLName},
	fieldESMClass:             {"esm_class", 0, StatusInvCmdLen},
	fieldProtocolID:           {"protocol_id", 0, StatusInvCmdLen},
	fieldPriorityFlag:         {"priority_flag", 0, StatusInvCmdLen},
	fieldScheduleDeliveryTime: {"schedule_delivery_time", 16, StatusInvSched},
	fieldValidityPeriod:       {"validity_period", 16, StatusInvExpiry},
	fieldRegisteredDelivery:   {"registered_delivery", 0, StatusInvCmdLen},
	fieldReplaceIfPresentFlag: {"replace_if_present_flag", 0, StatusInvCmdLen},
	fieldDataCoding:           {"data_coding", 0, StatusInvCmdLen},
	fieldSMDefaultMsgID:       {"sm_default_msg_id", 0, StatusInvCmdLen},
	fieldSMLength:             {"sm_length", 0, StatusInvMsgLen},
	fieldShortMessage:         {"short_message", 255, StatusInvMsgLen},
	fieldMessageID:            {"message_id", 64, StatusInvMsgID},
	fieldNoUnsuccess:          {"no_unsuccess", 255, StatusInvCmdLen},
	fieldUnsuccessAddr:        {"unsuccess_sme", 20, StatusInvDstAdr},
	fieldErrorStatusCode:      {"error_status_code", 0, StatusInvCmdLen},
	fieldESMEAddrTON:          {"esme_addr_ton", 0, StatusInvCmdLen},
	fieldESMEAddrNPI:          {"esme_addr_npi", 0, StatusInvCmdLen},
	fieldESMEAddr:             {"esme_addr", 64, StatusInvDstAdr},
	fieldFinalDate:            {"final_date", 16, StatusInvCmdLen},
	fieldMessageState:         {"message_state", 0, StatusInvCmdLen},
	fieldErrorCode:            {"error_code", 0, StatusInvCmdLen},
}
