using System.Text;
using EmailRouter.Lab.Store;
using Microsoft.Graph;
using Microsoft.Graph.Models;
using Microsoft.Graph.Models.ODataErrors;
using Microsoft.Graph.Users.Item.Messages.Item.Attachments.CreateUploadSession;
using Microsoft.Graph.Users.Item.Messages.Item.CreateReply;
using Microsoft.Graph.Users.Item.SendMail;
using Microsoft.Kiota.Abstractions;

namespace EmailRouter.Interop.Graph.Tests;

/// <summary>Sending with the official SDK: JSON, MIME, drafts, large attachments.</summary>
public sealed class SdkSendingTests : SdkFixture
{
    private Microsoft.Graph.Users.Item.UserItemRequestBuilder User => Client.Users[Anna];

    [Fact]
    public async Task Mail_is_sent_as_JSON_with_an_attachment()
    {
        await User.SendMail.PostAsync(new SendMailPostRequestBody
        {
            Message = new Message
            {
                Subject = "Case 4711",
                Body = new ItemBody { ContentType = BodyType.Text, Content = "Received." },
                ToRecipients = [new Recipient { EmailAddress = new EmailAddress { Address = Ben, Name = "Ben" } }],
                Attachments = [new FileAttachment { Name = "log.txt", ContentType = "text/plain", ContentBytes = Encoding.ASCII.GetBytes("Hello") }],
                InternetMessageHeaders = [new InternetMessageHeader { Name = "x-crm-case", Value = "4711" }],
            },
            SaveToSentItems = true,
        });
        LabMessage arrived = Assert.Single(Store.Find(Ben)!.Messages);
        Assert.Equal("4711", arrived.Mime.Headers["x-crm-case"]);
        Assert.Equal("log.txt", Assert.Single(arrived.Mime.Attachments).FileName);
        Assert.Single((await User.MailFolders["sentitems"].Messages.GetAsync())!.Value!);
    }

    [Fact]
    public async Task Mail_is_sent_as_MIME_and_keeps_its_Message_ID()
    {
        RequestInformation request = User.SendMail.ToPostRequestInformation(new SendMailPostRequestBody());
        byte[] mime = Encoding.ASCII.GetBytes($"From: {Anna}\r\nTo: {Ben}\r\nSubject: raw\r\nMessage-ID: <raw@contoso.test>\r\nDate: Fri, 20 Nov 2026 08:15:00 +0000\r\n\r\nx\r\n");
        request.Headers.Remove("Content-Type");
        request.SetStreamContent(new MemoryStream(Encoding.ASCII.GetBytes(Convert.ToBase64String(mime))), "text/plain");
        await Client.RequestAdapter.SendNoContentAsync(request, new() { ["XXX"] = ODataError.CreateFromDiscriminatorValue });
        Assert.Contains("raw@contoso.test", Assert.Single(Store.Find(Ben)!.Messages).InternetMessageId, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_large_attachment_is_uploaded_in_pieces_to_a_draft_that_is_sent()
    {
        Message? draft = await User.Messages.PostAsync(
            new Message { Subject = "Dump", ToRecipients = [new Recipient { EmailAddress = new EmailAddress { Address = Ben } }] }, r => r.Headers.Add("Prefer", "IdType=\"ImmutableId\""));
        byte[] content = new byte[3_483_322];
        new Random(1).NextBytes(content);
        UploadSession? session = await User.Messages[draft!.Id].Attachments.CreateUploadSession.PostAsync(new CreateUploadSessionPostRequestBody
        {
            AttachmentItem = new AttachmentItem { AttachmentType = AttachmentType.File, Name = "dump.zip", Size = content.Length, ContentType = "application/zip" },
        });
        var task = new LargeFileUploadTask<FileAttachment>(session!, new MemoryStream(content), 320 * 1024 * 4);
        UploadResult<FileAttachment> result = await task.UploadAsync();
        Assert.True(result.UploadSucceeded);
        Assert.Equal(3, Server.CountOf("PUT upload"));
        Attachment uploaded = Assert.Single((await User.Messages[draft.Id].Attachments.GetAsync())!.Value!);
        Assert.Equal(content, Assert.IsType<FileAttachment>(uploaded).ContentBytes);

        await User.Messages[draft.Id].Send.PostAsync();
        Assert.Equal("dump.zip", Assert.Single(Assert.Single(Store.Find(Ben)!.Messages).Mime.Attachments).FileName);
        Assert.False((await User.Messages[draft.Id].GetAsync())!.IsDraft);
    }

    [Fact]
    public async Task A_reply_stays_in_the_conversation()
    {
        Deliver("Question");
        Message original = (await User.Messages.GetAsync())!.Value!.Single();
        Message? reply = await User.Messages[original.Id].CreateReply.PostAsync(new CreateReplyPostRequestBody { Comment = "Yes." });
        Assert.Equal("RE: Question", reply!.Subject);
        Assert.Equal("kim@adatum.test", reply.ToRecipients!.Single().EmailAddress!.Address);
        Assert.Equal(original.ConversationId, reply.ConversationId);
        await User.Messages[reply.Id].Send.PostAsync();
        Assert.Contains("In-Reply-To: <Question@adatum.test>", Encoding.UTF8.GetString(Store.Sent.Single().Content.Span), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Refusals_come_as_the_SDK_s_own_errors()
    {
        ODataError error = await Assert.ThrowsAsync<ODataError>(() => User.SendMail.PostAsync(new SendMailPostRequestBody { Message = new Message { Subject = "nobody" } }));
        Assert.Equal((400, "ErrorInvalidRecipients"), (error.ResponseStatusCode, error.Error!.Code));
        Assert.NotEmpty(error.Error.InnerError!.RequestId!);
        error = await Assert.ThrowsAsync<ODataError>(() => Client.Users["nobody@contoso.test"].Messages.GetAsync());
        Assert.Equal((404, "ErrorInvalidUser"), (error.ResponseStatusCode, error.Error!.Code));
    }
}
