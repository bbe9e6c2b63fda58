package graph

import "github.com/mileusna/useragent"

// device puts a user agent into words, such as "Firefox on Linux". It shows no
// version of the system: browsers have frozen those at values that are wrong.
func device(userAgent string) string {
	if userAgent == "" {
		return "Unknown device"
	}
	ua := useragent.Parse(userAgent)
	system := ua.OS
	if ua.Device != "" && (ua.Mobile || ua.Tablet) && ua.Device != "K" { // Android's frozen model is "K"
		system = ua.Device
	}
	switch {
	case ua.Name != "" && system != "":
		return ua.Name + " on " + system
	case ua.Name != "":
		return ua.Name
	case system != "":
		return system
	}
	return "Unknown device"
}
