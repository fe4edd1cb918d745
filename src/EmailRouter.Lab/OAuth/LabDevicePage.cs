using System.Net;
using EmailRouter.Lab.Http;

namespace EmailRouter.Lab.OAuth;

/// <summary>The page on which a person enters a device code (RFC 8628 3.3), who it is, and whether the sign-in is wanted.</summary>
internal static class LabDevicePage
{
    /// <summary>Shows the form.</summary>
    /// <param name="status">The status of the answer.</param>
    /// <param name="remark">What is said above the form; null for nothing.</param>
    /// <param name="userCode">The code that is filled in already; empty for none.</param>
    /// <returns>The page.</returns>
    public static LabHttpAnswer Form(int status, string? remark, string userCode) => Page(
        status,
        (remark is null ? string.Empty : $"<p><strong>{Text(remark)}</strong></p>") +
        $"""
        <form method="post">
        <p><label>Code <input name="user_code" autocomplete="off" required value="{Text(userCode)}"></label></p>
        <p><label>Mailbox <input name="username" type="email" autocomplete="username" required></label></p>
        <p><label>Password <input name="password" type="password" autocomplete="current-password" required></label></p>
        <p><button name="decision" value="accept">Sign in</button> <button name="decision" value="decline" formnovalidate>Decline</button></p>
        </form>
        """);

    /// <summary>Says what became of the sign-in.</summary>
    /// <param name="text">What is said.</param>
    /// <returns>The page.</returns>
    public static LabHttpAnswer Done(string text) => Page(200, $"<p>{Text(text)}</p>");

    private static LabHttpAnswer Page(int status, string content) => LabHttpAnswer.OfText(
        status,
        $"""
        <!doctype html>
        <html lang="en"><head><meta charset="utf-8"><title>Lab sign-in</title></head>
        <body><h1>Sign in to the lab</h1>
        {content}
        </body></html>
        """,
        "text/html; charset=utf-8").With("Cache-Control", "no-store");

    private static string Text(string text) => WebUtility.HtmlEncode(text);
}
