//! Publishers with a key of their own.

use std::fs;

use rvp::model::PublicKey;
use rvp::trust::keys::{KeyKind, PrivateKey};
use rvp::trust::sign::Signatory;

use super::{Wheel, World, text};

/// Somebody who signs with a key.
pub struct Person {
    pub name: &'static str,
    pub key: PublicKey,
}

impl Person {
    /// Makes a key, whose halves are `<name>.key` and `<name>.pub` in the folder of the world.
    pub fn new(world: &World, name: &'static str) -> Self {
        let key = PrivateKey::generate(KeyKind::Ed25519).unwrap();
        world.write(&format!("{name}.key"), &key.to_pem(None).unwrap());
        world.write(&format!("{name}.pub"), &key.public().to_pem());
        Self { name, key: key.public().clone() }
    }

    pub fn signatory(&self, world: &World) -> Signatory {
        Signatory::Key(PrivateKey::read(&world.path(&format!("{}.key", self.name)), None).unwrap())
    }

    /// Publishes a wheel with this person's signature; gives the exit code and all that was printed.
    pub fn publish(&self, world: &World, wheel: &Wheel, options: &str) -> String {
        let mut command =
            world.command(".", &format!("publish --registry acme --sign-key {}.key {options}", self.name));
        command.arg(wheel.write(&world.path("wheels")));
        text(&command.output().unwrap())
    }

    /// The same, which must not fail.
    #[track_caller]
    pub fn published(&self, world: &World, wheel: &Wheel) {
        let said = self.publish(world, wheel, "");
        assert!(said.starts_with("exit code: 0"), "{said}");
    }
}

/// Publishes a wheel that nobody signs; gives the exit code and all that was printed.
pub fn publish_unsigned(world: &World, wheel: &Wheel) -> String {
    let mut command = world.command(".", "publish --registry acme");
    command.arg(wheel.write(&world.path("wheels")));
    text(&command.output().unwrap())
}

/// The bytes of the checkpoint: they change when anything is sealed.
pub fn checkpoint(world: &World) -> Vec<u8> {
    fs::read(world.path("acme/log/checkpoint")).unwrap()
}
