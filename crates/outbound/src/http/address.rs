//! Which addresses may be called.
//!
//! Sources: the IANA special-purpose address registries (RFC 6890 and its updates), as of 2026.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// How far inside the installation may be reached. By default: not at all.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Reach {
    /// The machine itself: 127.0.0.0/8 and ::1.
    pub allow_loopback: bool,
    /// Private networks: 10/8, 172.16/12, 192.168/16, 100.64/10, fc00::/7. Link-local addresses, where
    /// clouds keep their metadata service, stay out of reach whatever is set here.
    pub allow_private: bool,
}

impl Reach {
    pub(super) fn allows(self, kind: Kind) -> bool {
        match kind {
            Kind::Public => true,
            Kind::Loopback => self.allow_loopback,
            Kind::Private => self.allow_private,
            Kind::Special => false,
        }
    }
}

/// What an address is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Public,
    Loopback,
    Private,
    /// Link-local, multicast, documentation, benchmarks, translation, reserved: nothing to call there.
    Special,
}

pub(super) fn kind(address: IpAddr) -> Kind {
    match address {
        IpAddr::V4(address) => kind_v4(address),
        IpAddr::V6(address) => kind_v6(address),
    }
}

fn kind_v4(address: Ipv4Addr) -> Kind {
    match address.octets() {
        [127, ..] => Kind::Loopback,
        // One cloud's metadata service lies inside the shared address space.
        [100, 100, 100, 200] => Kind::Special,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] | [100, 64..=127, ..] => Kind::Private,
        [0 | 224..=255, ..]
        | [169, 254, ..]
        | [192, 0, 0 | 2, _]
        | [192, 88, 99, _]
        | [198, 18 | 19, ..]
        | [198, 51, 100, _]
        | [203, 0, 113, _] => Kind::Special,
        _ => Kind::Public,
    }
}

fn kind_v6(address: Ipv6Addr) -> Kind {
    if address == Ipv6Addr::LOCALHOST {
        return Kind::Loopback;
    }
    if let Some(mapped) = address.to_ipv4_mapped() {
        return kind_v4(mapped);
    }
    match address.segments() {
        // NAT64: what counts is the IPv4 address behind it, and no translator should lead back inside.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            let [a, b] = high.to_be_bytes();
            let [c, d] = low.to_be_bytes();
            match kind_v4(Ipv4Addr::new(a, b, c, d)) {
                Kind::Public => Kind::Public,
                _ => Kind::Special,
            }
        }
        // One cloud's metadata service lies inside the unique local addresses.
        [0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254] => Kind::Special,
        [0xfc00..=0xfdff, ..] => Kind::Private,
        // Protocol assignments with Teredo, documentation, 6to4: 2001::/23, 2001:db8::/32, 2002::/16, 3fff::/20.
        [0x2001, 0..=0x01ff | 0x0db8, ..] | [0x2002, ..] | [0x3fff, 0..=0x0fff, ..] => Kind::Special,
        // Global unicast is 2000::/3; nothing else has anyone to talk to.
        [0x2000..=0x3fff, ..] => Kind::Public,
        _ => Kind::Special,
    }
}

/// Why a connection was not even tried.
#[derive(Debug)]
pub(super) struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name resolves to an address that this installation does not allow")
    }
}

impl std::error::Error for Refused {}

/// The resolver of a client: looks names up by the system and refuses those of which any address is out of reach.
pub(super) struct Resolver {
    pub(super) reach: Reach,
    /// For plain HTTP, which may stay inside but never cross a public network.
    pub(super) public: bool,
}

impl Resolver {
    pub(super) fn accepts(&self, address: IpAddr) -> bool {
        let kind = kind(address);
        self.reach.allows(kind) && (self.public || kind != Kind::Public)
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let checked = Self { reach: self.reach, public: self.public };
        Box::pin(async move {
            let addresses: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            if addresses.iter().all(|address| checked.accepts(address.ip())) {
                Ok(Box::new(addresses.into_iter()) as Addrs)
            } else {
                Err(Refused.into())
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, kind};

    fn of(address: &str) -> Kind {
        kind(address.parse().expect("an address"))
    }

    #[test]
    fn public_addresses_are_public() {
        for address in ["1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1", "64:ff9b::101:101", "::ffff:1.1.1.1"] {
            assert_eq!(of(address), Kind::Public, "{address}");
        }
    }

    #[test]
    fn the_inside_is_told_apart() {
        for address in ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"] {
            assert_eq!(of(address), Kind::Loopback, "{address}");
        }
        for address in ["10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "fd12::1", "::ffff:10.0.0.1"] {
            assert_eq!(of(address), Kind::Private, "{address}");
        }
    }

    #[test]
    fn special_addresses_are_never_reached() {
        for address in [
            "0.0.0.0",
            "169.254.169.254",
            "100.100.100.200",
            "192.0.0.8",
            "198.18.0.1",
            "203.0.113.9",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::127.0.0.1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "2001:db8::1",
            "2001::1",
            "2002:7f00:1::",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "fd00:ec2::254",
            "100::1",
            "::ffff:169.254.169.254",
        ] {
            assert_eq!(of(address), Kind::Special, "{address}");
        }
    }
}
