package store

import (
	"container/list"
	"sync"
	"time"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/tree"
)

// cachedGraphs is how many bytes of versions' graphs are remembered, as the JSON
// that they are kept as. In memory a graph takes about twice that.
const cachedGraphs = 16 << 20

// versionCache remembers versions with their graphs, those that were asked for last.
// A version never changes (trigger written_once), so nothing has to be forgotten; to
// read and decode its graph is most of what a step of a walk would cost. What it
// returns is shared and must not be changed.
type versionCache struct {
	most int

	mu    sync.Mutex // guards what follows
	all   map[versionKey]*list.Element
	order list.List // of cachedVersion, the latest first
	bytes int
}

// versionKey names a version. The moment tells it from one that was published under
// its number on a server whose latest transactions a failover lost.
type versionKey struct {
	account   account.ID
	ref       tree.VersionRef
	published int64 // µs since 1970
}

type cachedVersion struct {
	key     versionKey
	version *tree.Version
	bytes   int
}

func newVersionCache(most int) *versionCache {
	return &versionCache{most: most, all: map[versionKey]*list.Element{}}
}

func keyOf(accountID account.ID, ref tree.VersionRef, published time.Time) versionKey {
	return versionKey{accountID, ref, published.UnixMicro()}
}

// get returns the version, or nil.
func (c *versionCache) get(key versionKey) *tree.Version {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.all[key]
	if e == nil {
		return nil
	}
	c.order.MoveToFront(e)
	return e.Value.(cachedVersion).version
}

// put remembers a version whose graph is so many bytes of JSON.
func (c *versionCache) put(key versionKey, v *tree.Version, bytes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all[key] != nil || bytes > c.most {
		return
	}
	c.all[key] = c.order.PushFront(cachedVersion{key, v, bytes})
	for c.bytes += bytes; c.bytes > c.most; {
		oldest := c.order.Remove(c.order.Back()).(cachedVersion)
		delete(c.all, oldest.key)
		c.bytes -= oldest.bytes
	}
}
