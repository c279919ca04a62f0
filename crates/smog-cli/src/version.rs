//! What `smog --version -v` says.

/// The version, and how this command was built.
pub fn long(cases: usize) -> String {
    let commit =
        option_env!("SMOG_COMMIT").unwrap_or("not known (SMOG_COMMIT was not set when it was built)");
    let build = if cfg!(debug_assertions) { "debug" } else { "release" };
    let libc = if cfg!(target_env = "musl") { "musl" } else { "gnu" };
    let (arch, system) = (std::env::consts::ARCH, std::env::consts::OS);
    format!(
        "smog {}\ncommit    {commit}\nbuild     {build}\ntarget    {arch}-{system}-{libc}\n\
         features  HTTPS by rustls, {cases} bundled cases\n",
        env!("CARGO_PKG_VERSION")
    )
}
