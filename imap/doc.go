// Package imap holds what an IMAP client and an IMAP server share: the
// commands and their arguments as values, response codes, capabilities,
// message sets, search keys and fetch items, mailbox name encoding and dates.
//
// It does no I/O. Packages internal to imap write and read the wire format;
// imapserver and imapclient exchange with their users the values declared here,
// and those of package mailbox (UID, UIDSet, Flag, ModSeq).
//
//	var e *imap.Error
//	if errors.As(err, &e) && e.Code == imap.CodeOverQuota {
//		return fmt.Errorf("mailbox is full: %s", e.Text)
//	}
//
// Strings in these values are UTF-8 and decoded: a mailbox name is never in
// modified UTF-7 here (see [DecodeMailbox]), a flag has its backslash, and a
// header field's name keeps its case.
//
// An extension is one file here, one of the same name in the wire grammar, and
// one in each of the client and the server.
//
// RFCs: 3501 and 9051 (base), 2087 and 9208 (QUOTA), 2177 (IDLE), 2193 and 2221
// (referrals), 2342 (NAMESPACE), 2971 (ID), 3348 (CHILDREN), 3502 (MULTIAPPEND),
// 3516 (BINARY), 3691 (UNSELECT), 4314 (ACL), 4315 (UIDPLUS), 4466 (extensible
// grammar), 4467 and 5524 (URLAUTH), 4469 (CATENATE), 4731 (ESEARCH), 4959 (SASL-
// IR), 4978 (COMPRESS), 5161 (ENABLE), 5182 (SEARCHRES), 5255 (LANGUAGE,
// I18NLEVEL), 5256 (SORT, THREAD), 5257 (ANNOTATE), 5258 (LIST-EXTENDED), 5267
// (ESORT, CONTEXT), 5464 (METADATA), 5465 (NOTIFY), 5466 (FILTERS), 5530 (response
// codes), 5819 (LIST-STATUS), 5957 (SORT=DISPLAY), 6154 (SPECIAL-USE), 6203
// (SEARCH=FUZZY), 6851 (MOVE), 6855 (UTF8), 7162 (CONDSTORE, QRESYNC), 7377
// (MULTISEARCH), 7888 (LITERAL+), 7889 (APPENDLIMIT), 8437 (UNAUTHENTICATE), 8438
// (STATUS=SIZE), 8440 (LIST-MYRIGHTS), 8474 (OBJECTID), 8508 (REPLACE), 8514
// (SAVEDATE), 8970 (PREVIEW), 9394 (PARTIAL), 9585 (INPROGRESS), 9586 (UIDONLY),
// 9590 (LIST-METADATA), 9698 (JMAPACCESS), 9738 (MESSAGELIMIT), 10022
// (UIDBATCHES); and Gmail's X-GM-EXT-1.
package imap
