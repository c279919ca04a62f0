//! The protocol of OpenSSH's ControlMaster (its PROTOCOL.mux), as far as smog's `openssh` uses it.

use std::fs::File;
use std::io::{Error, ErrorKind, Read, Result, Write};
use std::os::fd::{FromRawFd, RawFd};
use std::os::unix::net::UnixStream;

use sendfd::RecvWithFd;

const HELLO: u32 = 1;
const VERSION: u32 = 4;
const NEW_SESSION: u32 = 0x1000_0002;
const ALIVE_CHECK: u32 = 0x1000_0004;
const STOP_LISTENING: u32 = 0x1000_0009;
const OK: u32 = 0x8000_0001;
const EXIT_MESSAGE: u32 = 0x8000_0004;
const ALIVE: u32 = 0x8000_0005;
const SESSION_OPENED: u32 = 0x8000_0006;

/// What a command has for output.
pub(crate) struct Said {
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    pub exit_code: i32,
}

/// Serve one connection until its end; `answer` gives what a line for the login shell says.
pub(crate) fn serve(mut stream: UnixStream, answer: impl Fn(&str) -> Said) -> Result<()> {
    loop {
        let packet = read_packet(&mut stream)?;
        let mut fields = Fields(&packet);
        let (kind, number) = (fields.number()?, fields.number()?);
        match kind {
            // Here the number is the version.
            HELLO => send(&mut stream, &[HELLO, VERSION])?,
            ALIVE_CHECK => send(&mut stream, &[ALIVE, number, std::process::id()])?,
            // The socket stays: it is everyone's.
            STOP_LISTENING => send(&mut stream, &[OK, number])?,
            NEW_SESSION => {
                fields.text()?;
                for _ in ["tty", "X11", "agent", "subsystem", "escape character"] {
                    fields.number()?;
                }
                let (_terminal, line) = (fields.text()?, fields.text()?);
                let [stdin, mut stdout, mut stderr] =
                    [receive(&stream)?, receive(&stream)?, receive(&stream)?];
                send(&mut stream, &[SESSION_OPENED, number, 1])?;
                let said = answer(&String::from_utf8_lossy(line));
                // Who does not read it all has what it wants.
                let _ = stdout.write_all(&said.stdout);
                let _ = stderr.write_all(&said.stderr);
                drop((stdin, stdout, stderr));
                send(&mut stream, &[EXIT_MESSAGE, 1, said.exit_code.cast_unsigned()])?;
            }
            _ => return Err(Error::from(ErrorKind::Unsupported)),
        }
    }
}

fn read_packet(stream: &mut UnixStream) -> Result<Vec<u8>> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut packet = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut packet)?;
    Ok(packet)
}

fn send(stream: &mut UnixStream, numbers: &[u32]) -> Result<()> {
    let length = u32::try_from(numbers.len() * 4).unwrap_or_default();
    let bytes: Vec<u8> =
        std::iter::once(&length).chain(numbers).flat_map(|number| number.to_be_bytes()).collect();
    stream.write_all(&bytes)
}

/// A file that the other side passes along.
fn receive(stream: &UnixStream) -> Result<File> {
    let (mut byte, mut files): ([u8; 1], [RawFd; 1]) = ([0], [-1]);
    match stream.recv_with_fd(&mut byte, &mut files)? {
        // SAFETY: the kernel has just made this descriptor for us, and nobody else has it.
        (_, 1) => Ok(unsafe { File::from_raw_fd(files[0]) }),
        _ => Err(Error::from(ErrorKind::UnexpectedEof)),
    }
}

/// The fields of a packet, one after another.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn number(&mut self) -> Result<u32> {
        let (number, rest) = self.0.split_first_chunk().ok_or(ErrorKind::UnexpectedEof)?;
        self.0 = rest;
        Ok(u32::from_be_bytes(*number))
    }

    fn text(&mut self) -> Result<&'a [u8]> {
        let length = self.number()? as usize;
        let (text, rest) = self.0.split_at_checked(length).ok_or(ErrorKind::UnexpectedEof)?;
        self.0 = rest;
        Ok(text)
    }
}
