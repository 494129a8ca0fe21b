package dev.sessiond.servlet;

/** The head of a response is written, and no cookie can be added to it. */
public final class AnswerBegunException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  AnswerBegunException() {
    super("the response has begun: its cookies cannot be changed any more");
  }
}
