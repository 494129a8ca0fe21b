package dev.sessiond.internal.hashedid;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/** The id of what can be revoked, as servers tell of it: 16 bytes of a digest. */
public record HashedId(long high, long low) {
  /** How many bytes an id has. */
  public static final int SIZE = 16;

  private static final ThreadLocal<MessageDigest> SHA_256 =
      ThreadLocal.withInitial(HashedId::sha256);

  /** {@code SHA-256(kind, issuer, id)[:16]}, each part behind its length as 4 bytes big-endian. */
  public static HashedId of(String kind, String issuer, String id) {
    MessageDigest digest = SHA_256.get();
    for (String part : new String[] {kind, issuer, id}) {
      byte[] bytes = part.getBytes(StandardCharsets.UTF_8);
      digest.update(ByteBuffer.allocate(Integer.BYTES).putInt(0, bytes.length));
      digest.update(bytes);
    }
    return first(digest.digest());
  }

  /** The first 16 bytes of a digest, or an id as it came. */
  public static HashedId first(byte[] bytes) {
    ByteBuffer buffer = ByteBuffer.wrap(bytes);
    return new HashedId(buffer.getLong(), buffer.getLong());
  }

  /** The SHA-256 of some bytes, by a digest that this thread has at hand. */
  public static byte[] digest(byte[] bytes) {
    return SHA_256.get().digest(bytes);
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException error) {
      throw new IllegalStateException("every Java has SHA-256", error);
    }
  }
}
