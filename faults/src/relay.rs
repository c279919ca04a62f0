//! A relay before the SSH servers of the hosts, which cuts, freezes, slows and garbles.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use crate::fault::SshFault;
use crate::rng::Rng;

/// A relay before each host.
pub struct Relay {
    pub ports: Vec<u16>,
    stop: Arc<AtomicBool>,
    injected: Arc<AtomicU32>,
}

impl Relay {
    /// Before these addresses; one of them has the fault.
    pub fn start(addresses: &[String], fault: Option<(usize, SshFault)>) -> std::io::Result<Relay> {
        let stop = Arc::new(AtomicBool::new(false));
        let injected = Arc::new(AtomicU32::new(0));
        let mut ports = vec![];
        for (index, address) in addresses.iter().enumerate() {
            let listener = TcpListener::bind("127.0.0.1:0")?;
            ports.push(listener.local_addr()?.port());
            let fault = fault.filter(|(host, _)| *host == index).map(|(_, fault)| fault);
            if fault == Some(SshFault::Refuse) {
                // Whether anybody connects is not seen.
                injected.store(1, Ordering::Relaxed);
                continue;
            }
            let (stop, injected, address) = (stop.clone(), injected.clone(), format!("{address}:22"));
            std::thread::spawn(move || {
                for connection in listener.incoming() {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    let Ok(near) = connection else { continue };
                    let Ok(far) = TcpStream::connect(&address) else { continue };
                    pass(near, far, fault, &stop, &injected);
                }
            });
        }
        Ok(Relay { ports, stop, injected })
    }

    pub fn injected(&self) -> u32 {
        self.injected.load(Ordering::Relaxed)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for port in &self.ports {
            let _ = TcpStream::connect(("127.0.0.1", *port));
        }
    }
}

fn pass(
    near: TcpStream,
    far: TcpStream,
    fault: Option<SshFault>,
    stop: &Arc<AtomicBool>,
    injected: &Arc<AtomicU32>,
) {
    if fault == Some(SshFault::NoBanner) {
        injected.fetch_add(1, Ordering::Relaxed);
        let stop = stop.clone();
        std::thread::spawn(move || {
            let _held = (near, far);
            while !stop.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(200));
            }
        });
        return;
    }
    let (Ok(mut near_read), Ok(mut far_write)) = (near.try_clone(), far.try_clone()) else { return };
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut near_read, &mut far_write);
        let _ = far_write.shutdown(Shutdown::Write);
    });
    let (stop, injected) = (stop.clone(), injected.clone());
    std::thread::spawn(move || back(near, far, fault, &stop, &injected));
}

/// From the host to smog: here the faults are.
fn back(
    mut near: TcpStream,
    mut far: TcpStream,
    fault: Option<SshFault>,
    stop: &AtomicBool,
    injected: &AtomicU32,
) {
    let mut passed = 0_u64;
    let mut buffer = [0_u8; 4096];
    let mut happened = false;
    let mut happens = || {
        if !std::mem::replace(&mut happened, true) {
            injected.fetch_add(1, Ordering::Relaxed);
        }
    };
    while let Ok(count) = far.read(&mut buffer) {
        if count == 0 {
            break;
        }
        let mut bytes = buffer[..count].to_vec();
        passed += count as u64;
        match fault {
            Some(SshFault::Cut { bytes: limit }) if passed > limit => {
                happens();
                let keep = bytes.len().saturating_sub((passed - limit) as usize);
                let _ = near.write_all(&bytes[..keep]);
                break;
            }
            Some(SshFault::Freeze { bytes: limit }) if passed > limit => {
                happens();
                while !stop.load(Ordering::Relaxed) {
                    std::thread::sleep(Duration::from_millis(200));
                }
                break;
            }
            Some(SshFault::Noise { bytes: limit }) if passed > limit => {
                happens();
                let mut rng = Rng::of(limit, passed);
                bytes.extend((0..64).map(|_| rng.next() as u8));
            }
            Some(SshFault::Slow { rate }) => {
                happens();
                std::thread::sleep(Duration::from_millis(count as u64 * 1000 / rate));
            }
            _ => {}
        }
        if near.write_all(&bytes).is_err() {
            break;
        }
    }
    let _ = near.shutdown(Shutdown::Both);
    let _ = far.shutdown(Shutdown::Both);
}
