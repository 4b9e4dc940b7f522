package pdu

import "strconv"

// Tag is the tag of an optional parameter (SMPP 3.4 section 5.3.2, SMPP 5.0
// section 4.8.1). 0x1400 to 0x3FFF are left to vendors.
type Tag uint16

// The tags of SMPP 3.4 and 5.0.
const (
	TagDestAddrSubunit            Tag = 0x0005
	TagDestNetworkType            Tag = 0x0006
	TagDestBearerType             Tag = 0x0007
	TagDestTelematicsID           Tag = 0x0008
	TagSourceAddrSubunit          Tag = 0x000D
	TagSourceNetworkType          Tag = 0x000E
	TagSourceBearerType           Tag = 0x000F
	TagSourceTelematicsID         Tag = 0x0010
	TagQOSTimeToLive              Tag = 0x0017
	TagPayloadType                Tag = 0x0019
	TagAdditionalStatusInfoText   Tag = 0x001D
	TagReceiptedMessageID         Tag = 0x001E
	TagMSMsgWaitFacilities        Tag = 0x0030
	TagPrivacyIndicator           Tag = 0x0201
	TagSourceSubaddress           Tag = 0x0202
	TagDestSubaddress             Tag = 0x0203
	TagUserMessageReference       Tag = 0x0204
	TagUserResponseCode           Tag = 0x0205
	TagSourcePort                 Tag = 0x020A
	TagDestPort                   Tag = 0x020B
	TagSARMsgRefNum               Tag = 0x020C
	TagLanguageIndicator          Tag = 0x020D
	TagSARTotalSegments           Tag = 0x020E
	TagSARSegmentSeqnum           Tag = 0x020F
	TagSCInterfaceVersion         Tag = 0x0210
	TagCallbackNumPresInd         Tag = 0x0302
	TagCallbackNumAtag            Tag = 0x0303
	TagNumberOfMessages           Tag = 0x0304
	TagCallbackNum                Tag = 0x0381
	TagDPFResult                  Tag = 0x0420
	TagSetDPF                     Tag = 0x0421
	TagMSAvailabilityStatus       Tag = 0x0422
	TagNetworkErrorCode           Tag = 0x0423
	TagMessagePayload             Tag = 0x0424
	TagDeliveryFailureReason      Tag = 0x0425
	TagMoreMessagesToSend         Tag = 0x0426
	TagMessageState               Tag = 0x0427
	TagCongestionState            Tag = 0x0428
	TagUSSDServiceOp              Tag = 0x0501
	TagBroadcastChannelIndicator  Tag = 0x0600
	TagBroadcastContentType       Tag = 0x0601
	TagBroadcastContentTypeInfo   Tag = 0x0602
	TagBroadcastMessageClass      Tag = 0x0603
	TagBroadcastRepNum            Tag = 0x0604
	TagBroadcastFrequencyInterval Tag = 0x0605
	TagBroadcastAreaIdentifier    Tag = 0x0606
	TagBroadcastErrorStatus       Tag = 0x0607
	TagBroadcastAreaSuccess       Tag = 0x0608
	TagBroadcastEndTime           Tag = 0x0609
	TagBroadcastServiceGroup      Tag = 0x060A
	TagBillingIdentification      Tag = 0x060B
	TagSourceNetworkID            Tag = 0x060D
	TagDestNetworkID              Tag = 0x060E
	TagSourceNodeID               Tag = 0x060F
	TagDestNodeID                 Tag = 0x0610
	TagDestAddrNPResolution       Tag = 0x0611
	TagDestAddrNPInformation      Tag = 0x0612
	TagDestAddrNPCountry          Tag = 0x0613
	TagDisplayTime                Tag = 0x1201
	TagSMSSignal                  Tag = 0x1203
	TagMSValidity                 Tag = 0x1204
	TagAlertOnMessageDelivery     Tag = 0x130C
	TagITSReplyType               Tag = 0x1380
	TagITSSessionInfo             Tag = 0x1383
)

// Kind is how the value of an optional parameter is to be read.
type Kind uint8

// The kinds of values.
const (
	KindOctets  Kind = iota // octets of a structure of their own
	KindUint                // big-endian integer of 1, 2 or 4 octets
	KindBits                // bit mask of 1 octet
	KindCString             // octets with a NUL at the end, which counts in the length
)

// TagSpec is what the specification says about a tag. Min and Max are the
// bounds of the value's length in octets.
type TagSpec struct {
	Name     string
	Kind     Kind
	Min, Max int
}

// Spec returns what SMPP 3.4 and 5.0 say about t; where they differ the bounds
// take both in. It is false for vendors' and unknown tags.
func (t Tag) Spec() (TagSpec, bool) {
	switch t {
	case TagDestAddrSubunit:
		return TagSpec{"dest_addr_subunit", KindUint, 1, 1}, true
	case TagDestNetworkType:
		return TagSpec{"dest_network_type", KindUint, 1, 1}, true
	case TagDestBearerType:
		return TagSpec{"dest_bearer_type", KindUint, 1, 1}, true
	case TagDestTelematicsID:
		return TagSpec{"dest_telematics_id", KindUint, 2, 2}, true
	case TagSourceAddrSubunit:
		return TagSpec{"source_addr_subunit", KindUint, 1, 1}, true
	case TagSourceNetworkType:
		return TagSpec{"source_network_type", KindUint, 1, 1}, true
	case TagSourceBearerType:
		return TagSpec{"source_bearer_type", KindUint, 1, 1}, true
	case TagSourceTelematicsID:
		return TagSpec{"source_telematics_id", KindUint, 1, 1}, true
	case TagQOSTimeToLive:
		return TagSpec{"qos_time_to_live", KindUint, 4, 4}, true
	case TagPayloadType:
		return TagSpec{"payload_type", KindUint, 1, 1}, true
	case TagAdditionalStatusInfoText:
		return TagSpec{"additional_status_info_text", KindCString, 1, 256}, true
	case TagReceiptedMessageID:
		return TagSpec{"receipted_message_id", KindCString, 1, 65}, true
	case TagMSMsgWaitFacilities:
		return TagSpec{"ms_msg_wait_facilities", KindBits, 1, 1}, true
	case TagPrivacyIndicator:
		return TagSpec{"privacy_indicator", KindUint, 1, 1}, true
	case TagSourceSubaddress:
		return TagSpec{"source_subaddress", KindOctets, 2, 23}, true
	case TagDestSubaddress:
		return TagSpec{"dest_subaddress", KindOctets, 2, 23}, true
	case TagUserMessageReference:
		return TagSpec{"user_message_reference", KindUint, 2, 2}, true
	case TagUserResponseCode:
		return TagSpec{"user_response_code", KindUint, 1, 1}, true
	case TagSourcePort:
		return TagSpec{"source_port", KindUint, 2, 2}, true
	case TagDestPort:
		return TagSpec{"dest_port", KindUint, 2, 2}, true
	case TagSARMsgRefNum:
		return TagSpec{"sar_msg_ref_num", KindUint, 2, 2}, true
	case TagLanguageIndicator:
		return TagSpec{"language_indicator", KindUint, 1, 1}, true
	case TagSARTotalSegments:
		return TagSpec{"sar_total_segments", KindUint, 1, 1}, true
	case TagSARSegmentSeqnum:
		return TagSpec{"sar_segment_seqnum", KindUint, 1, 1}, true
	case TagSCInterfaceVersion:
		return TagSpec{"sc_interface_version", KindUint, 1, 1}, true
	case TagCallbackNumPresInd:
		return TagSpec{"callback_num_pres_ind", KindBits, 1, 1}, true
	case TagCallbackNumAtag:
		return TagSpec{"callback_num_atag", KindOctets, 0, 65}, true
	case TagNumberOfMessages:
		return TagSpec{"number_of_messages", KindUint, 1, 1}, true
	case TagCallbackNum:
		return TagSpec{"callback_num", KindOctets, 4, 19}, true
	case TagDPFResult:
		return TagSpec{"dpf_result", KindUint, 1, 1}, true
	case TagSetDPF:
		return TagSpec{"set_dpf", KindUint, 1, 1}, true
	case TagMSAvailabilityStatus:
		return TagSpec{"ms_availability_status", KindUint, 1, 1}, true
	case TagNetworkErrorCode:
		return TagSpec{"network_error_code", KindOctets, 3, 3}, true
	case TagMessagePayload:
		return TagSpec{"message_payload", KindOctets, 0, 65535}, true
	case TagDeliveryFailureReason:
		return TagSpec{"delivery_failure_reason", KindUint, 1, 1}, true
	case TagMoreMessagesToSend:
		return TagSpec{"more_messages_to_send", KindUint, 1, 1}, true
	case TagMessageState:
		return TagSpec{"message_state", KindUint, 1, 1}, true
	case TagCongestionState:
		return TagSpec{"congestion_state", KindUint, 1, 1}, true
	case TagUSSDServiceOp:
		return TagSpec{"ussd_service_op", KindOctets, 1, 1}, true
	case TagBroadcastChannelIndicator:
		return TagSpec{"broadcast_channel_indicator", KindUint, 1, 1}, true
	case TagBroadcastContentType:
		return TagSpec{"broadcast_content_type", KindOctets, 3, 3}, true
	case TagBroadcastContentTypeInfo:
		return TagSpec{"broadcast_content_type_info", KindOctets, 1, 255}, true
	case TagBroadcastMessageClass:
		return TagSpec{"broadcast_message_class", KindUint, 1, 1}, true
	case TagBroadcastRepNum:
		return TagSpec{"broadcast_rep_num", KindUint, 2, 2}, true
	case TagBroadcastFrequencyInterval:
		return TagSpec{"broadcast_frequency_interval", KindOctets, 3, 3}, true
	case TagBroadcastAreaIdentifier:
		return TagSpec{"broadcast_area_identifier", KindOctets, 1, 65535}, true
	case TagBroadcastErrorStatus:
		return TagSpec{"broadcast_error_status", KindUint, 4, 4}, true
	case TagBroadcastAreaSuccess:
		return TagSpec{"broadcast_area_success", KindUint, 1, 1}, true
	case TagBroadcastEndTime:
		return TagSpec{"broadcast_end_time", KindCString, 1, 17}, true
	case TagBroadcastServiceGroup:
		return TagSpec{"broadcast_service_group", KindOctets, 1, 255}, true
	case TagBillingIdentification:
		return TagSpec{"billing_identification", KindOctets, 1, 1024}, true
	case TagSourceNetworkID:
		return TagSpec{"source_network_id", KindCString, 7, 65}, true
	case TagDestNetworkID:
		return TagSpec{"dest_network_id", KindCString, 7, 65}, true
	case TagSourceNodeID:
		return TagSpec{"source_node_id", KindOctets, 6, 6}, true
	case TagDestNodeID:
		return TagSpec{"dest_node_id", KindOctets, 6, 6}, true
	case TagDestAddrNPResolution:
		return TagSpec{"dest_addr_np_resolution", KindUint, 1, 1}, true
	case TagDestAddrNPInformation:
		return TagSpec{"dest_addr_np_information", KindOctets, 10, 10}, true
	case TagDestAddrNPCountry:
		return TagSpec{"dest_addr_np_country", KindOctets, 1, 5}, true
	case TagDisplayTime:
		return TagSpec{"display_time", KindUint, 1, 1}, true
	case TagSMSSignal:
		return TagSpec{"sms_signal", KindUint, 2, 2}, true
	case TagMSValidity:
		return TagSpec{"ms_validity", KindOctets, 1, 4}, true
	case TagAlertOnMessageDelivery:
		return TagSpec{"alert_on_message_delivery", KindOctets, 0, 1}, true
	case TagITSReplyType:
		return TagSpec{"its_reply_type", KindUint, 1, 1}, true
	case TagITSSessionInfo:
		return TagSpec{"its_session_info", KindOctets, 2, 2}, true
	}
	return TagSpec{}, false
}

// Vendor reports whether t is of the range left to vendors.
func (t Tag) Vendor() bool { return t >= 0x1400 && t <= 0x3FFF }

// String returns the name of the specification, such as "ussd_service_op", or
// the number in hexadecimal.
func (t Tag) String() string {
	if s, ok := t.Spec(); ok {
		return s.Name
	}
	return "0x" + strconv.FormatUint(uint64(t), 16)
}
