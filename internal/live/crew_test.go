package live

import (
	"testing"
	"testing/synctest"
)

func TestCrew_NoWorkWaitsForOther(t *testing.T) {
	t.Parallel()
	c := &crew{work: make(chan func()), stop: make(chan struct{})}
	began, release := make(chan struct{}), make(chan struct{})
	for range 10 {
		c.do(func() {
			began <- struct{}{}
			<-release
		})
	}
	for range 10 {
		<-began
	}
	close(release)
	close(c.stop)
	c.running.Wait()
}

func TestCrew_WhoIsFreeTakesTheNextWorkOrGoesHome(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &crew{work: make(chan func()), stop: make(chan struct{})}
		done := 0
		for range 10 {
			c.do(func() { done++ })
			synctest.Wait()
		}
		if done != 10 {
			t.Errorf("did %d of 10", done)
		}
		c.thin()
		c.running.Wait() // deadlocks, and so fails, if one stayed
	})
}
