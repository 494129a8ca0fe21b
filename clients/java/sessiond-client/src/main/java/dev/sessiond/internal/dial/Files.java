package dev.sessiond.internal.dial;

import java.nio.file.Path;

/** PEM files for TLS; those that are null are left out. */
public record Files(Path authorities, Path certificate, Path privateKey, String serverName) {}
