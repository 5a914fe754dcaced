/** RTCP packet types (RFC 3550 12.1). Others exist (RFC 4585, 3611) and are carried unread. */
export const RTCP_PACKET_TYPE = {
  senderReport: 200,
  receiverReport: 201,
  sourceDescription: 202,
  goodbye: 203,
  application: 204,
} as const;
