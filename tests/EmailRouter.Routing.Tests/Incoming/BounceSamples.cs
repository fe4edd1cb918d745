namespace EmailRouter.Routing.Tests.Incoming;

/// <summary>Non-delivery reports in the shapes that mail servers give them. <c>{id}</c>, <c>{envid}</c>, <c>{to}</c> and <c>{subject}</c> are those of the returned message.</summary>
internal static class BounceSamples
{
    public const string Postfix = """
        Return-Path: <>
        From: MAILER-DAEMON@mx.example.test (Mail Delivery System)
        To: sales@example.test
        Subject: Undelivered Mail Returned to Sender
        Auto-Submitted: auto-replied
        Message-ID: <20260302080000.B0C1@mx.example.test>
        MIME-Version: 1.0
        Content-Type: multipart/report; report-type=delivery-status; boundary="B0C1/mx"

        This is a MIME-encapsulated message.

        --B0C1/mx
        Content-Type: text/plain; charset=us-ascii

        I'm sorry to have to inform you that your message could not be delivered.

        <{to}>: host mx.adatum.test[192.0.2.7] said: 550 5.1.1 <{to}>: Recipient address rejected

        --B0C1/mx
        Content-Type: message/delivery-status

        Reporting-MTA: dns; mx.example.test
        Original-Envelope-Id: {envid}
        Arrival-Date: Mon, 02 Mar 2026 08:00:00 +0000

        Final-Recipient: rfc822; {to}
        Original-Recipient: rfc822;{to}
        Action: failed
        Status: 5.1.1
        Remote-MTA: dns; mx.adatum.test
        Diagnostic-Code: smtp; 550 5.1.1 <{to}>: Recipient address rejected:
            User unknown

        --B0C1/mx
        Content-Type: text/rfc822-headers

        From: Sales <sales@example.test>
        To: {to}
        Subject: {subject}
        Message-ID: {id}

        --B0C1/mx--
        """;

    /// <summary>Exchange Online encodes the groups after the first.</summary>
    public const string Office365 = """
        Return-Path: <>
        From: <postmaster@adatum.test>
        To: sales@example.test
        Subject: Undeliverable: {subject}
        Auto-Submitted: auto-generated
        Message-ID: <b1b2@EUR01.prod.outlook.test>
        X-MS-Exchange-Message-Is-Ndr:
        MIME-Version: 1.0
        Content-Type: multipart/report; report-type=delivery-status; boundary="o365"

        --o365
        Content-Type: text/html; charset="utf-8"

        <p>Your message to {to} couldn't be delivered.</p>

        --o365
        Content-Type: message/delivery-status

        Reporting-MTA: dns;DB9PR01.eurprd01.prod.exchangelabs.test
        Content-Transfer-Encoding: base64

        {groups}

        --o365
        Content-Type: message/rfc822

        From: Sales <sales@example.test>
        To: {to}
        Subject: {subject}
        Message-ID: {id}
        MIME-Version: 1.0
        Content-Type: text/plain

        hello

        --o365--
        """;

    public const string Office365Groups = """
        Final-Recipient: rfc822;{to}
        Action: failed
        Status: 5.1.10
        Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup

        """;

    public const string Gmail = """
        Return-Path: <>
        From: Mail Delivery Subsystem <mailer-daemon@googlemail.example.test>
        To: sales@example.test
        Auto-Submitted: auto-replied
        Subject: Delivery Status Notification (Failure)
        In-Reply-To: {id}
        References: {id}
        X-Failed-Recipients: {to}
        Message-ID: <65e2.0a0220@mx.google.example.test>
        MIME-Version: 1.0
        Content-Type: multipart/report; boundary="00000000gm"; report-type=delivery-status

        --00000000gm
        Content-Type: multipart/related; boundary="00000001gm"

        --00000001gm
        Content-Type: text/plain; charset="UTF-8"

        ** Address not found **

        Your message wasn't delivered to {to} because the address couldn't be found.

        --00000001gm--
        --00000000gm
        Content-Type: message/delivery-status

        Reporting-MTA: dns; googlemail.example.test
        Arrival-Date: Mon, 02 Mar 2026 00:00:00 -0800 (PST)
        X-Original-Message-ID: {id}

        Final-Recipient: rfc822; {to}
        Action: failed
        Status: 5.1.1
        Diagnostic-Code: smtp; 550-5.1.1 The email account that you tried to reach does not exist.
        Last-Attempt-Date: Mon, 02 Mar 2026 00:00:01 -0800 (PST)

        --00000000gm
        Content-Type: message/rfc822

        Message-ID: {id}
        Subject: {subject}
        To: {to}

        hello
        --00000000gm--
        """;

    public const string Qmail = """
        Return-Path: <>
        From: MAILER-DAEMON@qmail.example.test
        To: sales@example.test
        Subject: failure notice
        Date: 2 Mar 2026 08:00:00 -0000
        Message-ID: <q1@qmail.example.test>

        Hi. This is the qmail-send program at qmail.example.test.
        I'm afraid I wasn't able to deliver your message to the following addresses.
        This is a permanent error; I've given up. Sorry it didn't work out.

        <{to}>:
        192.0.2.7 does not like recipient.
        Remote host said: 550 5.1.1 user unknown
        Giving up on 192.0.2.7.

        --- Below this line is a copy of the message.

        Return-Path: <sales@example.test>
        Received: (qmail 4711 invoked by uid 7); 2 Mar 2026 08:00:00 -0000
        From: Sales <sales@example.test>
        To: {to}
        Subject: {subject}
        Message-ID: {id}

        hello <other@example.test>:
        """;

    public const string Exim = """
        Return-path: <>
        Received: from Debian-exim by exim.example.test with local (Exim 4.80)
        X-Failed-Recipients: {to}
        Auto-Submitted: auto-replied
        From: Mail Delivery System <Mailer-Daemon@exim.example.test>
        To: sales@example.test
        Subject: Mail delivery failed: returning message to sender
        Message-Id: <E1qx-00@exim.example.test>

        This message was created automatically by mail delivery software.

        A message that you sent could not be delivered to one or more of its
        recipients. This is a permanent error. The following address(es) failed:

          {to}
            SMTP error from remote mail server after RCPT TO:<{to}>:
            host mx.adatum.test [192.0.2.7]: 550 5.1.1 User unknown

        ------ This is a copy of the message, including all the headers. ------

        Return-path: <sales@example.test>
        From: Sales <sales@example.test>
        To: {to}
        Subject: {subject}
        Message-ID: {id}

        hello
        """;

    /// <summary>Only what a person would read, and the message as an attachment.</summary>
    public const string BareAttachment = """
        Return-Path: <>
        From: postmaster@old.example.test
        To: sales@example.test
        Subject: Undeliverable mail
        Message-ID: <old1@old.example.test>
        MIME-Version: 1.0
        Content-Type: multipart/mixed; boundary="old"

        --old
        Content-Type: text/plain

        The following recipients could not be reached:

        <{to}>: mailbox full, 5.2.2

        --old
        Content-Type: message/rfc822

        Message-ID: {id}
        Subject: {subject}
        To: {to}

        hello
        --old--
        """;

    public const string PostfixDelay = """
        Return-Path: <>
        From: MAILER-DAEMON@mx.example.test (Mail Delivery System)
        To: sales@example.test
        Subject: Delayed Mail (still being retried)
        Message-ID: <delay1@mx.example.test>
        MIME-Version: 1.0
        Content-Type: multipart/report; report-type=delivery-status; boundary="d"

        --d
        Content-Type: text/plain

        THIS IS A WARNING ONLY.  YOU DO NOT NEED TO RESEND YOUR MESSAGE.

        --d
        Content-Type: message/delivery-status

        Reporting-MTA: dns; mx.example.test

        Final-Recipient: rfc822; {to}
        Action: delayed
        Status: 4.4.1
        Will-Retry-Until: Sat, 07 Mar 2026 08:00:00 +0000

        --d
        Content-Type: text/rfc822-headers

        Message-ID: {id}

        --d--
        """;

    public const string EximDelay = """
        Return-path: <>
        Auto-Submitted: auto-replied
        From: Mail Delivery System <Mailer-Daemon@exim.example.test>
        To: sales@example.test
        Subject: Warning: message 1qx delayed 24 hours
        Message-Id: <E1qy-00@exim.example.test>

        A message that you sent has not yet been delivered to one or more of its recipients after more than 24 hours on the queue.

        The address to which the message has not yet been delivered is:

          {to}

        No action is required on your part. Delivery attempts will continue for some time.
        """;

    public static string Make(string template, string id, string to, string subject = "Angebot CRM:0001001", string envelopeId = "")
    {
        string Fill(string text) => text.ReplaceLineEndings("\r\n")
            .Replace("{id}", id, StringComparison.Ordinal)
            .Replace("{to}", to, StringComparison.Ordinal)
            .Replace("{subject}", subject, StringComparison.Ordinal)
            .Replace("{envid}", envelopeId, StringComparison.Ordinal);
        return Fill(template).Replace("{groups}", Convert.ToBase64String(System.Text.Encoding.ASCII.GetBytes(Fill(Office365Groups)), Base64FormattingOptions.InsertLineBreaks), StringComparison.Ordinal);
    }
}
