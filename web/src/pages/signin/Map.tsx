/** A tree with a walk through it: what the product is about, for who comes to its door. */
export const Map = () => (
  <div className="login-map">
    <svg className="map" viewBox="0 0 744 636" role="img" aria-label="A walk through a tree: No internet at a site, everyone, modem powered, restarted, WAN light amber: provider fault">
      <path pathLength={1} d="M464 24V68.0Q464 80 476 80H616" />
      <path pathLength={1} d="M464 24V124.0Q464 136 476 136H616" />
      <path pathLength={1} d="M312 24V180.0Q312 192 324 192H464" />
      <path pathLength={1} d="M312 248H464" />
      <path pathLength={1} d="M312 248V292.0Q312 304 324 304H464" />
      <path pathLength={1} d="M160 24V236.0Q160 248 172 248H312" />
      <path pathLength={1} d="M312 360H464" />
      <path pathLength={1} d="M312 360V404.0Q312 416 324 416H464" />
      <path pathLength={1} d="M160 360H312" />
      <path pathLength={1} d="M160 360V460.0Q160 472 172 472H312" />
      <path pathLength={1} d="M8 24V348.0Q8 360 20 360H160" />
      <path pathLength={1} d="M160 528H312" />
      <path pathLength={1} d="M160 528V572.0Q160 584 172 584H312" />
      <path pathLength={1} d="M8 24V516.0Q8 528 20 528H160" />
      <path pathLength={1} className="on" d="M464 24H616" />
      <path pathLength={1} className="on" d="M312 24H464" />
      <path pathLength={1} className="on" d="M160 24H312" />
      <path pathLength={1} className="on" d="M8 24H160" />
      <circle className="st on" cx="8" cy="24" r="5.5" /><text className="on" x="18" y="45">No internet at a site</text>
      <circle className="st on" cx="160" cy="24" r="5.5" /><text className="on" x="170" y="45">Modem powered?</text><text className="by" x="150" y="17" textAnchor="end">Everyone</text>
      <circle className="st on" cx="312" cy="24" r="5.5" /><text className="on" x="322" y="45">Restart the modem</text><text className="by" x="302" y="17" textAnchor="end">Yes</text>
      <circle className="st on" cx="464" cy="24" r="5.5" /><text className="on" x="474" y="45">WAN light?</text><text className="by" x="454" y="17" textAnchor="end">Still failing</text>
      <circle className="st on e" cx="616" cy="24" r="5.5" /><text className="on" x="612" y="45">Provider fault</text><text className="by" x="606" y="17" textAnchor="end">Amber</text>
      <circle className="st" cx="616" cy="80" r="4" /><text x="612" y="101">Check the firewall</text><text x="606" y="73" textAnchor="end">Green</text>
      <circle className="st r" cx="616" cy="136" r="4" /><text x="612" y="157">Replace the supply</text><text x="606" y="129" textAnchor="end">Off</text>
      <circle className="st r" cx="464" cy="192" r="4" /><text x="460" y="213">Resolved</text><text x="454" y="185" textAnchor="end">Fixed</text>
      <circle className="st" cx="312" cy="248" r="4" /><text x="322" y="269">Power and fuse</text><text x="302" y="241" textAnchor="end">No</text>
      <circle className="st r" cx="464" cy="248" r="4" /><text x="460" y="269">Resolved</text><text x="454" y="241" textAnchor="end">Back</text>
      <circle className="st e" cx="464" cy="304" r="4" /><text x="460" y="325">Send a spare</text><text x="454" y="297" textAnchor="end">Dead</text>
      <circle className="st" cx="160" cy="360" r="4" /><text x="170" y="381">Wired or wireless?</text><text x="150" y="353" textAnchor="end">One person</text>
      <circle className="st" cx="312" cy="360" r="4" /><text x="322" y="381">Cable and port</text><text x="302" y="353" textAnchor="end">Wired</text>
      <circle className="st" cx="464" cy="360" r="4" /><text x="460" y="381">Address from DHCP?</text><text x="454" y="353" textAnchor="end">Link</text>
      <circle className="st r" cx="464" cy="416" r="4" /><text x="460" y="437">Change the cable</text><text x="454" y="409" textAnchor="end">No link</text>
      <circle className="st" cx="312" cy="472" r="4" /><text x="308" y="493">Slow Wi-Fi</text><text x="302" y="465" textAnchor="end">Wireless</text>
      <circle className="st" cx="160" cy="528" r="4" /><text x="170" y="549">Same switch?</text><text x="150" y="521" textAnchor="end">Some rooms</text>
      <circle className="st r" cx="312" cy="528" r="4" /><text x="308" y="549">Restart the switch</text><text x="302" y="521" textAnchor="end">Yes</text>
      <circle className="st" cx="312" cy="584" r="4" /><text x="308" y="605">Look for a loop</text><text x="302" y="577" textAnchor="end">No</text>
          </svg>
  </div>
);
