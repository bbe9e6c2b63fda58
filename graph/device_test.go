package graph

import "testing"

func TestDevice(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ agent, want string }{
		"Firefox on Linux": {"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"},
		"Chrome on Windows": {
			"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36", "Chrome on Windows",
		},
		"Edge on Windows": {
			"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0", "Edge on Windows",
		},
		"Safari on an iPhone": {
			"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1", "Safari on iPhone",
		},
		"Chrome on Android, whose model is frozen": {
			"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36", "Chrome on Android",
		},
		"a command":           {"curl/8.5.0", "curl"},
		"nothing":             {"", "Unknown device"},
		"something nobody is": {"x", "x"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := device(tt.agent); got != tt.want {
				t.Errorf("device(%q) = %q, want %q", tt.agent, got, tt.want)
			}
		})
	}
}
