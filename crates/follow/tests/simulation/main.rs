//! A control plane and its gateways in a world where messages are lost and late, networks part, machines die and clocks jump.
//!
//! Everything comes from one seed: `SEED=17 cargo nextest run -p follow one_seed --no-capture` plays that world again. The gateways run
//! the real [`follow::Follower`] over the real [`bundle`], and decide with the real [`policy::decide`]; the network, the disks and the
//! clocks are the simulation's.

mod calls;
mod gateway;
mod network;
mod plane;
mod world;

use world::World;

/// Worlds that one test plays.
const WORLDS: u64 = 128;

fn play(seeds: std::ops::Range<u64>) {
    for seed in seeds {
        // Printed when something fails: with it, the very same world is played again.
        println!("seed {seed}");
        World::new(seed).run();
    }
}

macro_rules! shards {
    ($($name:ident $at:literal)*) => {$(
        #[test]
        fn $name() {
            play($at * WORLDS..($at + 1) * WORLDS);
        }
    )*};
}

// Tests of their own, so that they run beside one another.
shards! {
    worlds_a 0 worlds_b 1 worlds_c 2 worlds_d 3 worlds_e 4 worlds_f 5 worlds_g 6 worlds_h 7
    worlds_i 8 worlds_j 9 worlds_k 10 worlds_l 11 worlds_m 12 worlds_n 13 worlds_o 14 worlds_p 15
}

#[test]
fn one_seed() {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0);
    World::new(seed).run();
}
