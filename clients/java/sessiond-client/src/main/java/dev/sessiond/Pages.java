package dev.sessiond;

import dev.sessiond.v1.ListSessionsRequest;
import dev.sessiond.v1.ListSessionsResponse;
import dev.sessiond.v1.Subject;
import java.util.ArrayDeque;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.Spliterator;
import java.util.Spliterators;
import java.util.function.Function;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/** The sessions of a subject, page after page; each page is asked for when it is needed. */
final class Pages implements Iterator<SessionRecord> {
  private final Function<ListSessionsRequest, ListSessionsResponse> asking;
  private final ArrayDeque<SessionRecord> page = new ArrayDeque<>();
  private ListSessionsRequest next;

  private Pages(
      ListSessionsRequest first, Function<ListSessionsRequest, ListSessionsResponse> asking) {
    this.next = first;
    this.asking = asking;
  }

  static Stream<SessionRecord> of(
      String issuer,
      String subject,
      int pageSize,
      Function<ListSessionsRequest, ListSessionsResponse> asking) {
    ListSessionsRequest first =
        ListSessionsRequest.newBuilder()
            .setSubject(Subject.newBuilder().setIssuer(issuer).setSubject(subject))
            .setPageSize(pageSize)
            .build();
    int form = Spliterator.ORDERED | Spliterator.NONNULL;
    return StreamSupport.stream(
        Spliterators.spliteratorUnknownSize(new Pages(first, asking), form), false);
  }

  @Override
  public boolean hasNext() {
    while (page.isEmpty() && next != null) {
      ListSessionsResponse response = asking.apply(next);
      response.getSessionsList().forEach(record -> page.add(Results.record(record)));
      String token = response.getNextPageToken();
      next = token.isEmpty() ? null : next.toBuilder().setPageToken(token).build();
    }
    return !page.isEmpty();
  }

  @Override
  public SessionRecord next() {
    if (!hasNext()) {
      throw new NoSuchElementException();
    }
    return page.remove();
  }
}
