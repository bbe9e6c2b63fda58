package store

import "testing"

func TestNewLoginChanges_SetsWhatItsReadsNeed(t *testing.T) {
	t.Parallel()
	changes, err := NewLoginChanges("postgres://localhost/branchline")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"jit": "off", "plan_cache_mode": "force_generic_plan", "enable_seqscan": "off", "application_name": "branchline",
	} {
		if got := changes.config.RuntimeParams[name]; got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}
