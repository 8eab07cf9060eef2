package grammar

import (
	"sync"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

// An extension is a part of the grammar: its rows. The base protocol has several.
// Each stands in a file of its own, as a function that returns it, and is listed
// in allExtensions.
type extension struct {
	caps []imap.Cap // of the rows that have none of their own

	commands       table[imap.Command]
	selectParams   table[imap.Select]
	createParams   table[imap.Create]
	listSelects    table[imap.List]     // selection options of LIST
	listReturns    table[imap.List]     // return options of LIST
	listItems      table[imap.ListData] // extended data items of LIST responses
	statusItems    table[imap.StatusData]
	searchKeys     table[search.Key]
	searchReturns  table[imap.Search]        // result options of SEARCH
	searchItems    table[imap.ESearchData]   // of ESEARCH responses
	appendItems    table[imap.AppendMessage] // what may stand before or instead of a message's literal
	catParts       table[imap.CatPart]       // of CATENATE
	correlators    table[imap.ESearchData]   // of ESEARCH responses, in parentheses
	sortKeys       table[search.SortKey]
	scopes         table[imap.Scope]
	fetchItems     table[imap.FetchItem]
	fetchModifiers table[imap.Fetch]
	fetchData      table[Item]       // the values of data items in FETCH responses
	storeItems     table[imap.Store] // what STORE can change
	storeModifiers table[imap.Store]
	responses      table[Response]
	codes          table[any] // the arguments of response codes
}

func allExtensions() []extension {
	return []extension{
		capabilityExt(), noopExt(), idExt(), startTLSExt(), loginExt(), authenticateExt(), enableExt(),
		selectExt(), unselectExt(), mailboxesExt(), listExt(), listExtendedExt(), statusExt(), namespaceExt(), appendExt(),
		searchExt(), esearchExt(), searchResExt(), fetchExt(), sectionExt(), storeExt(), copyExt(), moveExt(), expungeExt(), uidPlusExt(),
		idleExt(), quotaExt(), specialUseExt(), listStatusExt(), statusSizeExt(), appendLimitExt(),
		sortExt(), threadExt(), partialExt(), fuzzyExt(), contextExt(), filtersExt(), scopeExt(), multiSearchExt(), notifyExt(),
		listMetadataExt(), listMyRightsExt(), inProgressExt(), messageLimitExt(), uidBatchesExt(), compressExt(), unauthenticateExt(),
		condStoreExt(), qresyncExt(), withinExt(), binaryExt(), objectIDExt(), saveDateExt(), previewExt(),
		gmailExt(), aclExt(), metadataExt(), annotateExt(), utf8Ext(), catenateExt(), replaceExt(), referralExt(),
		urlAuthExt(), languageExt(), comparatorExt(), jmapAccessExt(),
	}
}

var (
	allOnce sync.Once
	allRows extension
)

// all returns the rows of all extensions, which are never changed. The first call
// collects them, since the initializer of a variable can't refer to functions that
// use the variable.
func all() *extension {
	allOnce.Do(func() {
		t := &allRows
		for _, x := range allExtensions() {
			t.commands.add(x.caps, x.commands)
			t.selectParams.add(x.caps, x.selectParams)
			t.createParams.add(x.caps, x.createParams)
			t.listSelects.add(x.caps, x.listSelects)
			t.listReturns.add(x.caps, x.listReturns)
			t.listItems.add(x.caps, x.listItems)
			t.statusItems.add(x.caps, x.statusItems)
			t.searchKeys.add(x.caps, x.searchKeys)
			t.searchReturns.add(x.caps, x.searchReturns)
			t.searchItems.add(x.caps, x.searchItems)
			t.appendItems.add(x.caps, x.appendItems)
			t.catParts.add(x.caps, x.catParts)
			t.correlators.add(x.caps, x.correlators)
			t.sortKeys.add(x.caps, x.sortKeys)
			t.scopes.add(x.caps, x.scopes)
			t.fetchItems.add(x.caps, x.fetchItems)
			t.fetchModifiers.add(x.caps, x.fetchModifiers)
			t.fetchData.add(x.caps, x.fetchData)
			t.storeItems.add(x.caps, x.storeItems)
			t.storeModifiers.add(x.caps, x.storeModifiers)
			t.responses.add(x.caps, x.responses)
			t.codes.add(x.caps, x.codes)
		}
	})
	return &allRows
}
